"""An app that knows more about the users of another one."""
