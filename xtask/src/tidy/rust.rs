//! Rust code as a flat list of tokens, with what the rules need to know about each.

use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tree::package;

/// One file of Rust code.
#[derive(Debug)]
pub(super) struct RustFile {
    pub(super) path: String,
    pub(super) tokens: Vec<Token>,
    /// Why there are no tokens, for code that is not Rust.
    pub(super) problem: Option<String>,
    /// How many lines do not belong to tests.
    pub(super) lines_without_tests: usize,
}

/// A piece of code. Comments that are not documentation are no tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Counted from 1.
    pub(super) line: usize,
    /// Whether it is compiled for tests only.
    pub(super) is_test: bool,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or keyword.
    Name(String),
    /// The inside of a string literal, as it is written.
    Text(String),
    /// Another literal.
    Literal,
    /// One line or block of documentation.
    Doc(String),
    /// Punctuation, brackets included.
    Mark(char),
}

impl Token {
    /// Whether it is this identifier or keyword.
    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Name(own) if own == name)
    }

    /// Whether it is this punctuation.
    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

impl RustFile {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let mut reader = Reader { is_test: is_test_path(path), ..Reader::default() };
        let problem = match text.parse::<TokenStream>() {
            Ok(stream) => {
                reader.read(stream);
                None
            }
            Err(error) => Some(error.to_string()),
        };
        let tests: usize =
            reader.test_lines.iter().map(|lines| lines.end() + 1 - lines.start()).sum();
        let lines_without_tests =
            if is_test_path(path) { 0 } else { text.lines().count().saturating_sub(tests) };
        Self { path: path.to_owned(), tokens: reader.tokens, problem, lines_without_tests }
    }

    /// The name of the package, as its folder is called.
    pub(super) fn package(&self) -> &str {
        package(&self.path)
    }

    /// The tokens that are compiled into the product.
    pub(super) fn product_tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter(|token| !token.is_test)
    }
}

/// Whether a whole file is for tests, by the place where tests are kept.
fn is_test_path(path: &str) -> bool {
    let is_in = |folder: &str| path.split('/').any(|part| part == folder);
    is_in("tests") || is_in("benches") || path.ends_with("/tests.rs")
}

#[derive(Debug, Default)]
struct Reader {
    tokens: Vec<Token>,
    /// Whether what is being read belongs to tests.
    is_test: bool,
    test_lines: Vec<RangeInclusive<usize>>,
}

impl Reader {
    /// Reads what stands between two brackets, or the whole file.
    fn read(&mut self, stream: TokenStream) {
        let mut trees = stream.into_iter().peekable();
        // The line of a test attribute whose item has not ended yet.
        let mut test_since: Option<usize> = None;
        while let Some(tree) = trees.next() {
            let line = tree.span().start().line;
            let end_line = tree.span().end().line;
            if is_mark(&tree, '#') {
                let attribute = trees.next_if(|next| is_mark(next, '!')).map_or('#', |_| '!');
                if let Some(TokenTree::Group(group)) = trees.peek()
                    && group.delimiter() == Delimiter::Bracket
                {
                    let content = group.stream();
                    let is_start = attribute == '#' && is_test_attribute(&content);
                    if is_start && test_since.is_none() && !self.is_test {
                        test_since = Some(line);
                        self.is_test = true;
                    }
                    self.attribute(line, content);
                    trees.next();
                    continue;
                }
            }
            let ends_item = is_mark(&tree, ';') || is_braced(&tree);
            self.token(tree, line);
            if let Some(since) = test_since.take_if(|_| ends_item) {
                self.is_test = false;
                self.test_lines.push(since..=end_line);
            }
        }
        if test_since.is_some() {
            self.is_test = false;
        }
    }

    fn attribute(&mut self, line: usize, content: TokenStream) {
        if let Some(text) = documentation(&content) {
            return self.push(line, Kind::Doc(text));
        }
        self.push(line, Kind::Mark('#'));
        self.push(line, Kind::Mark('['));
        self.read(content);
        self.push(line, Kind::Mark(']'));
    }

    fn token(&mut self, tree: TokenTree, line: usize) {
        match tree {
            TokenTree::Group(group) => {
                let end_line = group.span_close().start().line;
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ('(', ')'),
                    Delimiter::Brace => ('{', '}'),
                    Delimiter::Bracket => ('[', ']'),
                    Delimiter::None => return self.read(group.stream()),
                };
                self.push(line, Kind::Mark(open));
                self.read(group.stream());
                self.push(end_line, Kind::Mark(close));
            }
            TokenTree::Ident(name) => self.push(line, Kind::Name(name.to_string())),
            TokenTree::Punct(mark) => self.push(line, Kind::Mark(mark.as_char())),
            TokenTree::Literal(literal) => {
                let kind = string_content(&literal.to_string()).map_or(Kind::Literal, Kind::Text);
                self.push(line, kind);
            }
        }
    }

    fn push(&mut self, line: usize, kind: Kind) {
        self.tokens.push(Token { kind, line, is_test: self.is_test });
    }
}

fn is_mark(tree: &TokenTree, mark: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn is_braced(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

/// `cfg(test)` in any combination but `not(test)`, `test`, and the likes of `tokio::test`.
fn is_test_attribute(content: &TokenStream) -> bool {
    let text: String = content.to_string().split_whitespace().collect();
    let path = text.split('(').next().unwrap_or_default();
    match path {
        "cfg" => has_word(&text.replace("not(test)", ""), "test"),
        _ => path == "test" || path.ends_with("::test"),
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '"').any(|part| part == word)
}

/// The text of `doc = "..."`, which is what a documentation comment is to the compiler.
fn documentation(content: &TokenStream) -> Option<String> {
    let mut trees = content.clone().into_iter();
    match (trees.next()?, trees.next()?, trees.next()?) {
        (TokenTree::Ident(name), equals, TokenTree::Literal(text))
            if name == "doc" && is_mark(&equals, '=') =>
        {
            string_content(&text.to_string())
        }
        _ => None,
    }
}

/// The inside of a string literal of any form, escapes untouched; `None` for other literals.
fn string_content(literal: &str) -> Option<String> {
    let start = literal.find('"')?;
    let prefix = literal.get(..start)?;
    if !prefix.chars().all(|c| matches!(c, 'b' | 'c' | 'r' | '#')) {
        return None;
    }
    let rest = literal.get(start + 1..)?;
    rest.get(..rest.rfind('"')?).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(file: &RustFile) -> Vec<(&str, bool)> {
        file.tokens
            .iter()
            .filter_map(|token| match &token.kind {
                Kind::Name(name) => Some((name.as_str(), token.is_test)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn what_is_compiled_for_tests_only_is_marked() {
        let text =
            "const A: u8 = 1;\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nconst C: u8 = 1;";
        let file = RustFile::new("crates/x/src/lib.rs", text);
        let tests: Vec<&str> = names(&file)
            .into_iter()
            .filter(|(_, is_test)| *is_test)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(tests, ["cfg", "test", "mod", "tests", "fn", "b"]);
        assert_eq!(file.lines_without_tests, 2);
    }

    #[test]
    fn every_form_of_test_attribute_is_known() {
        let is_test = |attribute: &str| is_test_attribute(&attribute.parse().unwrap());
        assert!(is_test("test"));
        assert!(is_test("tokio::test(flavor = \"current_thread\")"));
        assert!(is_test("cfg(all(test, unix))"));
        assert!(!is_test("cfg(not(test))"));
        assert!(!is_test("cfg(feature = \"test\")"));
        assert!(!is_test("must_use"));
    }

    #[test]
    fn a_test_attribute_covers_its_item_and_no_more() {
        let file = RustFile::new("crates/x/src/lib.rs", "#[cfg(test)]\nuse a::b;\nfn c() {}");
        assert_eq!(names(&file).last(), Some(&("c", false)));
        assert_eq!(file.lines_without_tests, 1);
    }

    #[test]
    fn documentation_and_strings_are_told_apart_from_names() {
        let file = RustFile::new("x/src/a.rs", "//! Top.\n/// Above.\nconst A: &str = r#\"in\"#;");
        let kinds: Vec<&Kind> = file.tokens.iter().map(|token| &token.kind).collect();
        assert_eq!(kinds.first(), Some(&&Kind::Doc(" Top.".to_owned())));
        assert_eq!(kinds.get(1), Some(&&Kind::Doc(" Above.".to_owned())));
        assert!(kinds.contains(&&Kind::Text("in".to_owned())));
    }

    #[test]
    fn files_where_tests_are_kept_are_tests_throughout() {
        for path in ["crates/x/tests/it/main.rs", "crates/x/src/foo/tests.rs"] {
            let file = RustFile::new(path, "fn a() {}");
            assert_eq!(names(&file), [("fn", true), ("a", true)], "{path}");
            assert_eq!(file.lines_without_tests, 0);
        }
    }
}
