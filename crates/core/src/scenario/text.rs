//! The text form of schedules and scenarios. The printed form parses to the same value.

use super::{Injection, Nesting, Place, Scenario, Schedule, Vector};
use crate::choice::UnknownName;
use crate::linux::{Config, Kernel};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// What is wrong with a text, where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Byte in the text at which it goes wrong, from 0.
    pub offset: usize,
    /// What is wrong, with what was expected.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Display for ParseError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.offset + 1, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParseError {}

fn error<T>(offset: usize, message: impl Into<String>, hint: &str) -> Result<T, ParseError> {
    Err(ParseError { offset, message: message.into(), hint: (!hint.is_empty()).then(|| hint.to_owned()) })
}

impl Display for Vector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Vector {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let all = Self::ALL.into_iter();
        if let Some(vector) = all.clone().find(|vector| vector.name() == text) {
            return Ok(vector);
        }
        let names: Vec<_> = all.map(Self::name).collect();
        let names = names.join(", ");
        match text {
            "" => error(0, format!("expected a vector: one of {names}"), ""),
            _ => error(0, format!("unknown vector '{text}': one of {names}"), ""),
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)?;
        if self.offset != 0 {
            write!(f, "+{}", self.offset)?;
        }
        if self.occurrence != 1 {
            write!(f, "#{}", self.occurrence)?;
        }
        Ok(())
    }
}

impl FromStr for Place {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(text);
        let place = cursor.place()?;
        cursor.end("the end after the place")?;
        Ok(place)
    }
}

impl Display for Injection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.place, self.vector)
    }
}

impl Display for Schedule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, injection) in self.injections.iter().enumerate() {
            match (index, injection.nesting) {
                (0, _) => write!(f, "{injection}")?,
                (_, Nesting::After) => write!(f, ", {injection}")?,
                (_, Nesting::Inside) => write!(f, " > {injection}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Schedule {
    type Err = ParseError;
    /// White space between tokens does not matter. The empty text is the empty schedule.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(text);
        let mut injections = Vec::new();
        let mut nesting = Nesting::After;
        while !(cursor.at_end() && injections.is_empty()) {
            injections.push(cursor.injection(nesting)?);
            nesting = match cursor.next_char() {
                None => break,
                Some(',') => Nesting::After,
                Some('>') => Nesting::Inside,
                Some(other) => {
                    return error(
                        cursor.position - other.len_utf8(),
                        format!("found '{other}', expected ',' (after the handler), '>' (inside it) or the end"),
                        "",
                    );
                }
            };
        }
        Ok(Self { injections })
    }
}

/// Reads tokens of one text; every reader skips white space first.
struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

const EXAMPLE: &str = "an injection is written label+offset#occurrence:vector, for example exc_nmi+2:mc";

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start().len();
    }

    fn at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
    }

    fn next_char(&mut self) -> Option<char> {
        self.skip_space();
        let next = self.rest().chars().next()?;
        self.position += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(wanted);
        self.position += if found { wanted.len_utf8() } else { 0 };
        found
    }

    /// The longest run of characters that `accept` takes, and where it begins.
    fn run_of(&mut self, accept: impl Fn(char) -> bool) -> (usize, &'a str) {
        self.skip_space();
        let rest = self.rest();
        let length = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        let start = self.position;
        self.position += length;
        (start, rest.get(..length).unwrap_or(""))
    }

    fn found(&mut self) -> String {
        self.skip_space();
        match self.rest().chars().next() {
            Some(c) => format!("found '{c}'"),
            None => "the text ends".to_owned(),
        }
    }

    fn end(&mut self, expected: &str) -> Result<(), ParseError> {
        match self.at_end() {
            true => Ok(()),
            false => {
                let found = self.found();
                error(self.position, format!("{found}, expected {expected}"), "")
            }
        }
    }

    fn injection(&mut self, nesting: Nesting) -> Result<Injection, ParseError> {
        let place = self.place()?;
        if !self.eat(':') {
            let found = self.found();
            return error(self.position, format!("{found}, expected ':' and a vector"), EXAMPLE);
        }
        // No vector has foreign letters; the message shows such a word whole.
        let in_name = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || matches!(c, '_' | '#');
        let (start, name) = self.run_of(in_name);
        let vector = name.parse().map_err(|e: ParseError| ParseError { offset: start, ..e })?;
        Ok(Injection { place, vector, nesting })
    }

    fn place(&mut self) -> Result<Place, ParseError> {
        let label = self.label()?;
        let offset = match self.eat('+') {
            true => self.number("the number of instructions after the label")?,
            false => 0,
        };
        let occurrence = match self.eat('#') {
            true => self.occurrence()?,
            false => 1,
        };
        Ok(Place { label, offset, occurrence })
    }

    fn label(&mut self) -> Result<String, ParseError> {
        let (start, label) = self.run_of(is_label);
        match label.chars().next() {
            None => {
                let found = self.found();
                error(start, format!("{found}, expected a label"), EXAMPLE)
            }
            Some('0'..='9') => error(start, format!("'{label}' is not a label: it begins with a digit"), EXAMPLE),
            _ if label.starts_with(".L") => error(
                start,
                format!("'{label}' is a local label"),
                "name the place by the label of the function, for example paranoid_exit+3",
            ),
            _ => Ok(label.to_owned()),
        }
    }

    fn number(&mut self, what: &str) -> Result<u32, ParseError> {
        let (start, digits) = self.run_of(|c| c.is_ascii_digit());
        match digits.parse() {
            Ok(number) => Ok(number),
            Err(_) if digits.is_empty() => {
                let found = self.found();
                error(start, format!("{found}, expected {what}"), "")
            }
            Err(_) => error(start, format!("{digits} is too large for {what}"), "at most 4294967295"),
        }
    }

    fn occurrence(&mut self) -> Result<u32, ParseError> {
        self.skip_space();
        let start = self.position;
        match self.number("which arrival counts")? {
            0 => error(start, "there is no arrival 0", "arrivals count from 1"),
            occurrence => Ok(occurrence),
        }
    }
}

fn is_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$')
}

impl Display for Scenario {
    /// The text of a custom form is not part of it.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Config { features, kernel, base: _, form, custom: _, handler, geometry } = &self.config;
        write!(f, "form={form} features={features} handler={handler} geometry={geometry}")?;
        // Scenarios were written down before kernels could vary.
        if *kernel != Kernel::V6_12 {
            write!(f, " kernel={kernel}")?;
        }
        match self.schedule.injections.is_empty() {
            true => Ok(()),
            false => write!(f, " inject={}", self.schedule),
        }
    }
}

impl FromStr for Scenario {
    type Err = ParseError;
    /// Omitted settings have their defaults: form E, every feature, the quiet handler, the architectural TLB, v6.12,
    /// no injection.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut config = Config::default();
        let mut cursor = Cursor::new(text);
        while !cursor.at_end() {
            let (start, word) = cursor.run_of(|c| !c.is_whitespace());
            let Some((key, value)) = word.split_once('=') else {
                return error(start, format!("'{word}' is not a setting"), "a setting is written key=value");
            };
            let value_start = start + key.len() + 1;
            if key == "inject" {
                let schedule = text.get(value_start..).unwrap_or("").parse();
                let schedule = schedule.map_err(|e| shifted(e, value_start))?;
                return Ok(Self { config, schedule });
            }
            set(&mut config, key, value).map_err(|message| ParseError { offset: value_start, message, hint: None })?;
        }
        let schedule = Schedule::default();
        Ok(Self { config, schedule })
    }
}

fn set(config: &mut Config, key: &str, value: &str) -> Result<(), String> {
    fn parsed<T: FromStr<Err = UnknownName>>(value: &str) -> Result<T, String> {
        value.parse().map_err(|e: T::Err| e.to_string())
    }
    match key {
        "form" => config.form = parsed(value)?,
        "features" => config.features = parsed(value)?,
        "handler" => config.handler = parsed(value)?,
        "geometry" => config.geometry = parsed(value)?,
        "kernel" => config.kernel = parsed(value)?,
        _ => {
            return Err(format!("unknown setting '{key}': one of form, features, handler, geometry, kernel, inject"));
        }
    }
    Ok(())
}

fn shifted(mut error: ParseError, by: usize) -> ParseError {
    error.offset += by;
    error
}
