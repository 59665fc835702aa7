# Completions of minisass-auth for fish. What fits is asked of the program itself.
function __minisass_auth_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l offered ($words[1] completions fish -- $words[2..] "$current" 2>/dev/null)
    set -l flag (string match --regex -- '^--[^=]*=' "$current")
    set -l path (string replace -- "$flag" '' "$current")
    switch "$offered[1]"
        case :files
            __fish_complete_path "$path" | string replace --regex '^' -- "$flag"
        case :folders
            __fish_complete_directories "$path" | string replace --regex '^' -- "$flag"
        case '?*'
            printf '%s\n' $offered
    end
end
complete --command minisass-auth --no-files --arguments '(__minisass_auth_complete)'
