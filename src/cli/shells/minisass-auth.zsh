#compdef minisass-auth
# Completions of minisass-auth for zsh. What fits is asked of the program itself.
_minisass_auth() {
    local -a offered
    offered=("${(@f)$("${(Q)words[1]}" completions zsh -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    case $offered[1] in
        :files) compset -P '--*='; _files ;;
        :folders) compset -P '--*='; _files -/ ;;
        ?*) _describe minisass-auth offered ;;
    esac
}
if [[ $funcstack[1] == _minisass-auth ]]; then
    _minisass_auth "$@"
else
    compdef _minisass_auth minisass-auth
fi
