//! What a source file says: the paths that it names, and how long its functions are. Comments and
//! texts say nothing here, because the rules are about its tokens.

use std::collections::BTreeMap;
use std::iter::Peekable;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree, token_stream};

type Tokens = Peekable<token_stream::IntoIter>;

/// A path such as `crate::store::users`, and the line where it starts.
pub struct Path {
    pub line: usize,
    pub segments: Vec<String>,
}

pub struct Function {
    pub line: usize,
    pub length: usize,
}

#[derive(Default)]
pub struct Source {
    pub paths: Vec<Path>,
    /// The names that a `use` gives to paths.
    pub aliases: BTreeMap<String, Vec<String>>,
    pub functions: Vec<Function>,
}

impl Source {
    pub fn read(text: &str) -> Self {
        let tokens: TokenStream = text.parse().expect("Rust");
        let mut source = Self::default();
        source.walk(tokens);
        source
    }

    fn walk(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.walk(group.stream()),
                TokenTree::Ident(word) if word == "use" => self.use_tree(&mut tokens, &[]),
                TokenTree::Ident(word) => {
                    let line = word.span().start().line;
                    if word == "fn" {
                        self.function(line, tokens.clone());
                    }
                    let mut segments = vec![word.to_string()];
                    segments.extend(rest_of_path(&mut tokens));
                    if segments.len() > 1 {
                        self.paths.push(Path { line, segments });
                    }
                }
                // What follows `<T as Trait>` does not start a path.
                TokenTree::Punct(sign) if sign.as_char() == '>' => {
                    rest_of_path(&mut tokens);
                }
                _ => {}
            }
        }
    }

    /// One branch of a `use`, up to its comma or semicolon; `before` is what stands before the brace.
    fn use_tree(&mut self, tokens: &mut Tokens, before: &[String]) {
        let mut segments = before.to_vec();
        let (mut line, mut alias) = (None, None);
        for token in tokens {
            let at = token.span().start().line;
            match token {
                TokenTree::Ident(word) if word == "as" => alias = Some(String::new()),
                TokenTree::Ident(word) if alias.is_some() => alias = Some(word.to_string()),
                TokenTree::Ident(word) => {
                    line = Some(at);
                    // `a::{self, b}` names `a` itself.
                    if word != "self" || segments.is_empty() {
                        segments.push(word.to_string());
                    }
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    line = None;
                    let mut branches = group.stream().into_iter().peekable();
                    while branches.peek().is_some() {
                        self.use_tree(&mut branches, &segments);
                    }
                }
                TokenTree::Punct(sign) if sign.as_char() == ':' => {}
                TokenTree::Punct(sign) if sign.as_char() == '*' => {
                    line = Some(at);
                    segments.push("*".to_owned());
                }
                _ => break,
            }
        }
        if let (Some(line), Some(last)) = (line, segments.last()) {
            let alias = alias.unwrap_or_else(|| last.clone());
            self.aliases.insert(alias, segments.clone());
            self.paths.push(Path { line, segments });
        }
    }

    /// `tokens` follow the word `fn`: a name and a body, or this is a type or has no body.
    fn function(&mut self, line: usize, mut tokens: Tokens) {
        if !matches!(tokens.next(), Some(TokenTree::Ident(_))) {
            return;
        }
        for token in tokens {
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let length = group.span_close().end().line - line + 1;
                    self.functions.push(Function { line, length });
                    return;
                }
                TokenTree::Punct(sign) if sign.as_char() == ';' => return,
                _ => {}
            }
        }
    }
}

/// The words that follow, each behind `::`.
fn rest_of_path(tokens: &mut Tokens) -> Vec<String> {
    let mut segments = Vec::new();
    let is_colon = |it: &TokenTree| matches!(it, TokenTree::Punct(sign) if sign.as_char() == ':');
    // A single colon stands before a type.
    while matches!(tokens.peek(), Some(TokenTree::Punct(sign))
        if sign.as_char() == ':' && sign.spacing() == Spacing::Joint)
    {
        while tokens.next_if(is_colon).is_some() {}
        match tokens.next_if(|it| matches!(it, TokenTree::Ident(_))) {
            Some(word) => segments.push(word.to_string()),
            None => break,
        }
    }
    segments
}
