//! What of a file is code, what is words, and what is a comment: as much of each language's grammar as
//! that takes.
//!
//! Code inside words is code: what stands between `${` and `}` of a template of JavaScript, and between
//! `{` and `}` of an f-string of Python. Whatever a file holds is read to its end; what never closes ends
//! with it.

use crate::toolchain::Language;

/// Templates within templates: deeper than any person writes.
const DEEPEST: usize = 32;

/// A file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lexed {
    /// The code alone, with a space for each character of what is none: lines and columns stay.
    pub(crate) code: String,
    /// Code and words, without the comments.
    pub(crate) uncommented: String,
    /// The literals: line, from 0, and what stands between their quotes.
    pub(crate) literals: Vec<(usize, String)>,
}

/// Reads a file of this language.
pub(crate) fn lex(language: Language, text: &str) -> Lexed {
    let characters: Vec<char> = text.chars().collect();
    let mut lexer = Lexer {
        language,
        text: &characters,
        at: 0,
        line: 0,
        code: String::with_capacity(text.len()),
        uncommented: String::with_capacity(text.len()),
        literals: Vec::new(),
        word: String::new(),
        property: false,
        last: None,
        before: None,
        parens: Vec::new(),
        condition: false,
    };
    lexer.read_code(None, 0);
    Lexed { code: lexer.code, uncommented: lexer.uncommented, literals: lexer.literals }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Words,
    Comment,
}

/// How a literal is written.
#[derive(Clone, Copy)]
struct Quoted {
    quote: char,
    /// Three quotes open and close it.
    triple: bool,
    /// So many `#` follow the quote that closes it.
    hashes: usize,
    /// A backslash says that the next character is none of the grammar's.
    escapes: bool,
    /// It may go on over the end of a line.
    lines: bool,
    /// What begins code inside it.
    holes: Option<Hole>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hole {
    /// `${`
    Dollar,
    /// `{`, where `{{` is a brace.
    Brace,
}

struct Lexer<'a> {
    language: Language,
    text: &'a [char],
    at: usize,
    line: usize,
    code: String,
    uncommented: String,
    literals: Vec<(usize, String)>,
    /// The word that is being read, or was last.
    word: String,
    /// Whether that word stands behind a dot.
    property: bool,
    /// The last character of code that is no space.
    last: Option<char>,
    /// What stands directly before it.
    before: Option<char>,
    /// Of each open parenthesis, whether it holds a statement's condition.
    parens: Vec<bool>,
    /// Whether the last parenthesis that closed held one: a statement follows, not the rest of a value.
    condition: bool,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn looking_at(&self, what: &str) -> bool {
        what.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == Some(c))
    }

    fn take(&mut self, kind: Kind) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        let hidden = if c.is_whitespace() { c } else { ' ' };
        self.code.push(if kind == Kind::Code { c } else { hidden });
        self.uncommented.push(if kind == Kind::Comment { hidden } else { c });
        if kind == Kind::Code && !c.is_whitespace() {
            let before = self.code.chars().rev().nth(1);
            let follows = self.last.is_some_and(is_word) && before.is_some_and(is_word);
            if is_word(c) {
                if !follows {
                    self.word.clear();
                    self.property = self.last == Some('.') && self.before != Some('.');
                }
                self.word.push(c);
            }
            match c {
                '(' => {
                    let condition = self.ends_in(&["if", "while", "for", "with"]);
                    self.parens.push(condition);
                }
                ')' => self.condition = self.parens.pop().unwrap_or_default(),
                _ => {}
            }
            (self.last, self.before) = (Some(c), before);
        }
        Some(c)
    }

    fn take_many(&mut self, many: usize, kind: Kind) {
        for _ in 0..many {
            self.take(kind);
        }
    }

    /// Code, up to the `}` that closes a hole of this literal, or to the end.
    fn read_code(&mut self, hole: Option<Quoted>, depth: usize) {
        let (mut braces, mut brackets) = (0_usize, 0_usize);
        let formatted = hole.filter(|how| how.holes == Some(Hole::Brace));
        while let Some(c) = self.peek(0) {
            if self.comment() {
                continue;
            }
            if let Some((prefix, quoted)) = self.opens() {
                self.take_many(prefix, Kind::Words);
                self.words(quoted, depth);
                continue;
            }
            if self.language == Language::Typescript && c == '/' && self.begins_value() {
                self.pattern();
                continue;
            }
            // `!=` compares; `:=` at this place writes `=` before the number.
            let written = c == ':' || (c == '!' && self.peek(1) != Some('='));
            if let Some(how) = formatted.filter(|_| written && braces == 0 && brackets == 0) {
                self.format(how, depth);
                return;
            }
            match c {
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets = brackets.saturating_sub(1),
                '{' => braces += 1,
                '}' if hole.is_some() && braces == 0 => return,
                '}' => braces = braces.saturating_sub(1),
                _ => {}
            }
            self.take(Kind::Code);
        }
    }

    /// How a value is to be written, from the `!` or `:` that follows it in a hole of Python: words, where `#` begins no
    /// comment, with holes of their own. Up to the `}`, or to where the literal ends without one.
    fn format(&mut self, how: Quoted, depth: usize) {
        while let Some(c) = self.peek(0) {
            if c == '}' || (c == '\n' && !how.lines) || (c == how.quote && self.closes(how)) {
                return;
            }
            self.take(Kind::Words);
            if c == '{' && depth < DEEPEST {
                self.hole(how, depth);
            }
        }
    }

    /// Code inside a literal, from behind what opened it, and the `}` that closes it.
    fn hole(&mut self, how: Quoted, depth: usize) {
        self.read_code(Some(how), depth + 1);
        if self.peek(0) == Some('}') {
            self.take(Kind::Words);
        }
    }

    /// Takes a comment, if one begins here.
    fn comment(&mut self) -> bool {
        if self.language == Language::Python {
            if self.peek(0) != Some('#') {
                return false;
            }
            self.rest_of_line();
            return true;
        }
        if self.looking_at("//") {
            self.rest_of_line();
            return true;
        }
        if !self.looking_at("/*") {
            return false;
        }
        let mut depth = 0_usize;
        while self.peek(0).is_some() {
            if self.looking_at("/*") && (depth == 0 || self.language == Language::Rust) {
                depth += 1;
                self.take_many(2, Kind::Comment);
            } else if self.looking_at("*/") {
                depth -= 1;
                self.take_many(2, Kind::Comment);
                if depth == 0 {
                    break;
                }
            } else {
                self.take(Kind::Comment);
            }
        }
        true
    }

    fn rest_of_line(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            // C goes on with a comment that ends in a backslash.
            let goes_on = self.language == Language::C && self.looking_at("\\\n");
            self.take_many(if goes_on { 2 } else { 1 }, Kind::Comment);
        }
    }

    /// The literal that begins here: how many characters stand before its quote, and how it is written.
    fn opens(&self) -> Option<(usize, Quoted)> {
        let plain =
            |quote| Quoted { quote, triple: false, hashes: 0, escapes: true, lines: false, holes: None };
        let c = self.peek(0)?;
        let inside_word = self.code.chars().next_back().is_some_and(is_word);
        match (self.language, c) {
            (Language::Python, _) => {
                let prefix =
                    (0..3).take_while(|&n| self.peek(n).is_some_and(|c| c.is_ascii_alphabetic())).count();
                let letters: String =
                    (0..prefix).filter_map(|n| self.peek(n)).collect::<String>().to_lowercase();
                let known = ["", "r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"]
                    .contains(&letters.as_str());
                let quote = self.peek(prefix).filter(|&c| c == '"' || c == '\'')?;
                if !known || (prefix > 0 && inside_word) {
                    return None;
                }
                let triple = self.peek(prefix + 1) == Some(quote) && self.peek(prefix + 2) == Some(quote);
                let holes = letters.contains(['f', 't']).then_some(Hole::Brace);
                // A raw literal does not end at an escaped quote either.
                Some((prefix, Quoted { triple, lines: triple, holes, ..plain(quote) }))
            }
            (Language::Typescript, '"' | '\'') => Some((0, plain(c))),
            (Language::Typescript, '`') => {
                Some((0, Quoted { lines: true, holes: Some(Hole::Dollar), ..plain('`') }))
            }
            (Language::Go, '`') => Some((0, Quoted { lines: true, escapes: false, ..plain('`') })),
            (Language::Go | Language::C, '"' | '\'') => Some((0, plain(c))),
            (Language::Rust, '"') => Some((0, Quoted { lines: true, ..plain('"') })),
            (Language::Rust, '\'') => {
                // `'a'` and `'\n'` are characters, `'a` is a lifetime.
                let character =
                    self.peek(1) == Some('\\') || (self.peek(1) != Some('\'') && self.peek(2) == Some('\''));
                character.then(|| (0, plain('\'')))
            }
            (Language::Rust, 'r' | 'b' | 'c') if !inside_word => {
                let letters = (0..2).take_while(|&n| matches!(self.peek(n), Some('r' | 'b' | 'c'))).count();
                let raw = (0..letters).any(|n| self.peek(n) == Some('r'));
                let hashes = (letters..).take_while(|&n| raw && self.peek(n) == Some('#')).count();
                let quote = self.peek(letters + hashes)?;
                match quote {
                    '"' => {
                        let quoted = Quoted { lines: true, escapes: !raw, hashes, ..plain('"') };
                        Some((letters + hashes, quoted))
                    }
                    '\'' if c == 'b' && letters == 1 => Some((1, plain('\''))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A literal from its quote on.
    fn words(&mut self, how: Quoted, depth: usize) {
        let quotes = if how.triple { 3 } else { 1 };
        let line = self.line;
        self.take_many(quotes, Kind::Words);
        let mut said = String::new();
        while let Some(c) = self.peek(0) {
            if c == '\\' && how.escapes {
                said.extend(self.take(Kind::Words));
                // A backslash takes no hole away.
                if !(how.holes == Some(Hole::Brace) && self.peek(0) == Some('{')) {
                    said.extend(self.take(Kind::Words));
                }
                continue;
            }
            if c == '\n' && !how.lines {
                break;
            }
            if c == how.quote && self.closes(how) {
                self.take_many(quotes + how.hashes, Kind::Words);
                break;
            }
            let opening = match how.holes {
                Some(Hole::Dollar) if self.looking_at("${") => 2,
                Some(Hole::Brace) if self.looking_at("{{") => {
                    self.take_many(2, Kind::Words);
                    continue;
                }
                Some(Hole::Brace) if c == '{' => 1,
                _ => 0,
            };
            if opening > 0 && depth < DEEPEST {
                self.take_many(opening, Kind::Words);
                self.hole(how, depth);
                continue;
            }
            said.push(c);
            self.take(Kind::Words);
        }
        // A value: what follows a literal divides it and is no pattern.
        self.last = Some('"');
        self.word.clear();
        self.literals.push((line, said));
    }

    fn closes(&self, how: Quoted) -> bool {
        let quotes = !how.triple || (1..3).all(|n| self.peek(n) == Some(how.quote));
        quotes && (1..=how.hashes).all(|n| self.peek(n) == Some('#'))
    }

    /// Whether a value is wanted here, so that a slash begins a pattern and does not divide.
    fn begins_value(&self) -> bool {
        const BEFORE: [&str; 13] = [
            "return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "do", "else", "await",
            "yield",
        ];
        match self.last {
            None => true,
            Some(c) if is_word(c) => self.ends_in(&BEFORE),
            // `i++` is a value, and so is `found!`.
            Some(c @ ('+' | '-')) => self.before != Some(c),
            Some('!') => match self.before {
                Some(c) if is_word(c) => BEFORE.contains(&self.word.as_str()),
                before => !matches!(before, Some(')' | ']')),
            },
            Some(')') => self.condition,
            Some(c) => !matches!(c, ']' | '}' | '"'),
        }
    }

    /// Whether the code so far ends in one of these words of the language.
    fn ends_in(&self, words: &[&str]) -> bool {
        self.last.is_some_and(is_word) && !self.property && words.contains(&self.word.as_str())
    }

    /// A regular expression of JavaScript.
    fn pattern(&mut self) {
        self.take(Kind::Words);
        let mut class = false;
        while let Some(c) = self.peek(0) {
            match c {
                '\n' => break,
                '\\' => self.take_many(2, Kind::Words),
                '/' if !class => {
                    self.take(Kind::Words);
                    break;
                }
                _ => {
                    class = c == '[' || (class && c != ']');
                    self.take(Kind::Words);
                }
            }
        }
        self.last = Some('"');
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code, each run of spaces as one.
    fn code(language: Language, text: &str) -> String {
        lex(language, text).code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_and_comments_are_no_code() {
        for (language, text, expected) in [
            (Language::Python, "say('vos documents.') # calendar.free()\nx = 1", "say( ) x = 1"),
            (Language::Python, "a = 'it\\'s' + \"model.\" ; b", "a = + ; b"),
            (Language::Python, "\"\"\"memory.get()\n\"un\" mot\"\"\"\nc", "c"),
            (Language::Python, "f\"{calendar.free()[0]['id']} documents. {{x}}\"", "calendar.free()[0][ ]"),
            (Language::Python, "rf'\\{model.chat()}' + rb'memory.'", "model.chat() +"),
            (Language::Python, "selfr'x'", "selfr"),
            (
                Language::Typescript,
                "say(`vos documents. ${calendar.free(`a ${b} c`)} fin`);",
                "say( calendar.free( b ) );",
            ),
            (Language::Typescript, "x = /[/\"']model./.test(y) / 2 // memory.", "x = .test(y) / 2"),
            (Language::Typescript, "return /'/.test(a) || a / b / c", "return .test(a) || a / b / c"),
            (Language::Typescript, "/* calendar. */ a['memory.x'] / b", "a[ ] / b"),
            (
                Language::Rust,
                "r#\"say \"model.\" \"# + b'\\'' + f::<'a>('\"') /* a /* b */ c */ d",
                "+ + f::<'a>( ) d",
            ),
            // What stands after `:` is no code, and `#` in it no comment; holes in it are code again.
            (Language::Python, "say(f\"{n:#x}\")\nmodel.chat()", "say( n ) model.chat()"),
            (Language::Python, "f'{n!r:>{width():#x}} d' + y # memory.", "n width() + y"),
            (
                Language::Python,
                "f'{d[1:2]}{(lambda: 1)()}{ {1: 2}[1] }{a != b}'",
                "d[1:2] (lambda: 1)() {1: 2}[1] a != b",
            ),
            (Language::Python, "f\"{f'{f\"{a}\" + b:>3}' + c} d\" + e", "a + b + c + e"),
            (Language::Python, "f\"\"\"{a:\n{b}}\"\"\" + c", "a b + c"),
            (Language::Python, "x = f'{a:>3\nb # c\nf'{a:#x' + d", "x = a b a + d"),
            // A slash after a value divides; elsewhere it begins a pattern.
            (Language::Typescript, "i++ / 2 + model.x / 'y'", "i++ / 2 + model.x /"),
            (Language::Typescript, "i-- / 2 / a[0] / f(1) / 'x'", "i-- / 2 / a[0] / f(1) /"),
            (Language::Typescript, "(a) / b[1] / found! / f()! / 'x'", "(a) / b[1] / found! / f()! /"),
            (Language::Typescript, "a.return / 2 / 'x'; a + +/'/", "a.return / 2 / ; a + +"),
            (Language::Typescript, "return /[/']/.test(a) && !/'/.test(b)", "return .test(a) && ! .test(b)"),
            (Language::Typescript, "if (a(b)) /'/.exec(c); x = (y) / 'z'", "if (a(b)) .exec(c); x = (y) /"),
            (
                Language::Typescript,
                "`a ${b ? `c ${d({e: `f ${g++ / 2}`})} h` : i} j` / k / '\\''",
                "b ? d({e: g++ / 2 }) : i / k /",
            ),
            (Language::Rust, "let x: &'static str = \"a\nb\"; y", "let x: &'static str = ; y"),
            (Language::C, "call('\"'); // one \\\n two\nagain(\"\\\"\");", "call( ); again( );"),
            (Language::Go, "a := `one \\` + \"two\" + '\\'' /* x */ + b", "a := + + + b"),
        ] {
            assert_eq!(code(language, text), expected, "{text}");
        }
    }

    #[test]
    fn lines_and_columns_stay() {
        let text = "a = \"\"\"un\ndeux\"\"\" # trois\nb = 'quatre'\n";
        let lexed = lex(Language::Python, text);
        assert_eq!(lexed.code.lines().count(), text.lines().count());
        assert_eq!(lexed.code.lines().nth(2), Some("b =         "));
        assert_eq!(lexed.uncommented.lines().nth(1), Some("deux\"\"\"        "));
        assert_eq!(lexed.literals, [(0, "un\ndeux".to_owned()), (2, "quatre".to_owned())]);
    }

    #[test]
    fn what_never_closes_ends_with_its_line_or_the_file() {
        for language in Language::ALL {
            for text in
                ["\"", "'", "`", "/*", "f'{", "f\"{'", "`${", "r#\"", "/[", "\\", "f'{f'{f'{", "\"\"\"", "#"]
            {
                let long = text.repeat(300);
                assert_eq!(
                    lex(language, &long).code.chars().count(),
                    long.chars().count(),
                    "{language:?} {text}"
                );
            }
        }
        assert_eq!(code(Language::Python, "x = 'open\ncalendar.free()"), "x = calendar.free()");
    }
}
