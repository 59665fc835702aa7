# Completions of minisass-auth for bash. What fits is asked of the program itself.
_minisass_auth() {
    local IFS=$'\n' offered
    COMPREPLY=()
    # bash 3 has no compopt: it offers the names of files where nothing else fits.
    compopt +o default 2>/dev/null
    offered=$("$1" completions bash -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$2" 2>/dev/null) || return 0
    case $offered in
        :files) compopt -o default 2>/dev/null ;;
        :folders) compopt -o dirnames 2>/dev/null ;;
        *) COMPREPLY=($offered) ;;
    esac
}
complete -o default -F _minisass_auth minisass-auth
