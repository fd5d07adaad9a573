//! Reads the fields of a vector file one by one and says which one is wrong.

use std::collections::BTreeMap;
use std::fmt;
use toml::{Table, Value};

/// What is wrong with a vector file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorError {
    /// The file's name, as the caller gave it.
    pub file: String,
    /// The vector, once its id is known.
    pub vector: Option<String>,
    /// Path of the field, or line and column if the text is not TOML.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub cause: String,
}

impl fmt::Display for VectorError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.file)?;
        if let Some(vector) = &self.vector {
            write!(formatter, "vector {vector}: ")?;
        }
        write!(formatter, "{}: {}", self.field, self.cause)
    }
}

impl std::error::Error for VectorError {}

/// The place of a field.
#[derive(Clone, Debug)]
pub(super) struct Place {
    file: String,
    vector: Option<String>,
    path: String,
}

impl Place {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), vector: None, path: String::new() }
    }

    /// The place of a vector, once its id is known.
    pub(super) fn of_vector(&self, id: &str) -> Self {
        Self { vector: Some(id.to_owned()), ..Self::new(&self.file) }
    }

    pub(super) fn field(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { path, ..self.clone() }
    }

    pub(super) fn error(&self, cause: impl Into<String>) -> VectorError {
        VectorError {
            file: self.file.clone(),
            vector: self.vector.clone(),
            field: self.path.clone(),
            cause: cause.into(),
        }
    }
}

/// Names of numbers in addresses.
pub(super) type Names = BTreeMap<String, u64>;

/// The fields of one table that nobody has taken yet.
pub(super) struct Fields {
    pub(super) place: Place,
    table: Table,
}

impl Fields {
    pub(super) fn new(place: Place, table: Table) -> Self {
        Self { place, table }
    }

    fn take<T>(
        &mut self,
        name: &str,
        wanted: &str,
        convert: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, VectorError> {
        let Some(value) = self.table.remove(name) else { return Ok(None) };
        let found = value.type_str();
        let place = self.place.field(name);
        convert(value).map(Some).ok_or_else(|| place.error(format!("expected {wanted}, found {found}")))
    }

    /// `value`, or the error that the field is missing.
    pub(super) fn need<T>(&self, name: &str, value: Option<T>) -> Result<T, VectorError> {
        value.ok_or_else(|| self.place.field(name).error("is missing"))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, VectorError> {
        self.take(name, "text in quotes", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, VectorError> {
        self.take(name, "true or false", |value| value.as_bool())
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, VectorError> {
        self.take(name, "a number that is not negative", |value| value.as_integer()?.try_into().ok())
    }

    /// A number below `limit`.
    pub(super) fn small(&mut self, name: &str, limit: u16) -> Result<Option<u16>, VectorError> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        let small = u16::try_from(number).ok().filter(|small| *small < limit);
        small.map(Some).ok_or_else(|| self.place.field(name).error(format!("{number} is not below {limit}")))
    }

    /// A sum of names and numbers in quotes, such as `"P1+0x801"`.
    pub(super) fn address(&mut self, name: &str, names: &Names) -> Result<Option<u64>, VectorError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        evaluate(&text, names).map(Some).map_err(|cause| self.place.field(name).error(cause))
    }

    pub(super) fn needed_address(&mut self, name: &str, names: &Names) -> Result<u64, VectorError> {
        let address = self.address(name, names)?;
        self.need(name, address)
    }

    /// The values of a list. A single value is a list of one.
    fn list(&mut self, name: &str, wanted: &str) -> Result<Option<Listed>, VectorError> {
        self.take(name, wanted, |value| {
            Some(match value {
                Value::Array(items) => Listed::Many(items),
                one => Listed::One(one),
            })
        })
    }

    /// Each value of a list as `convert` reads it, with its path.
    fn items<T>(
        &mut self,
        name: &str,
        wanted: &str,
        convert: impl Fn(Value) -> Option<T>,
    ) -> Result<Option<Vec<(Place, T)>>, VectorError> {
        let Some(listed) = self.list(name, wanted)? else { return Ok(None) };
        let item = |(path, value): (String, Value)| {
            let (place, found) = (self.place.field(&path), value.type_str());
            match convert(value) {
                Some(item) => Ok((place, item)),
                None => Err(place.error(format!("expected {wanted}, found {found}"))),
            }
        };
        listed.with_paths(name).into_iter().map(item).collect::<Result<_, _>>().map(Some)
    }

    /// The texts in a list, or a single text.
    pub(super) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, VectorError> {
        let texts = self.items(name, "text in quotes", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })?;
        Ok(texts.map(|texts| texts.into_iter().map(|(_, text)| text).collect()))
    }

    /// The tables of a list, or a single table.
    pub(super) fn tables(&mut self, name: &str) -> Result<Vec<Self>, VectorError> {
        let tables = self.items(name, "a table", |value| match value {
            Value::Table(table) => Some(table),
            _ => None,
        })?;
        Ok(tables.unwrap_or_default().into_iter().map(|(place, table)| Self::new(place, table)).collect())
    }

    pub(super) fn table(&mut self, name: &str) -> Result<Self, VectorError> {
        let table = self.take(name, "a table", |value| match value {
            Value::Table(table) => Some(table),
            _ => None,
        })?;
        Ok(Self::new(self.place.field(name), table.unwrap_or_default()))
    }

    /// The remaining names in alphabetical order.
    pub(super) fn names(&self) -> Vec<String> {
        self.table.keys().cloned().collect()
    }

    /// The error for the first field that nobody took.
    pub(super) fn finish(self) -> Result<(), VectorError> {
        match self.table.keys().next() {
            Some(name) => Err(self.place.field(name).error("there is no such field here")),
            None => Ok(()),
        }
    }
}

/// What the text has where the format expects a list.
enum Listed {
    One(Value),
    Many(Vec<Value>),
}

impl Listed {
    /// The values, each with its path. The paths of a list's values contain a number.
    fn with_paths(self, name: &str) -> Vec<(String, Value)> {
        match self {
            Self::One(value) => vec![(name.to_owned(), value)],
            Self::Many(values) => {
                (0..).zip(values).map(|(index, value): (usize, _)| (format!("{name}[{index}]"), value)).collect()
            }
        }
    }
}

/// The error that `name` is none of the known names.
pub(super) fn unknown(name: &str, what: &str, known: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let known: Vec<_> = known.into_iter().map(|name| name.as_ref().to_owned()).collect();
    match known.as_slice() {
        [] => format!("`{name}` is no {what}: there is none"),
        [only] => format!("`{name}` is no {what}: there is only {only}"),
        known => format!("`{name}` is no {what}: one of {}", known.join(", ")),
    }
}

/// The value of a sum of names and numbers, modulo 2^64.
pub(super) fn evaluate(text: &str, names: &Names) -> Result<u64, String> {
    text.split('+').try_fold(0u64, |sum, term| Ok(sum.wrapping_add(evaluate_term(term.trim(), names)?)))
}

fn evaluate_term(term: &str, names: &Names) -> Result<u64, String> {
    if let Some(value) = names.get(term) {
        return Ok(*value);
    }
    number(term).ok_or_else(|| format!("`{term}` is neither a name in [names] nor a number"))
}

/// A number in decimal or, after `0x`, in hexadecimal. Digits may be separated by `_`.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    match digits.strip_prefix("0x") {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16),
        None => digits.parse(),
    }
    .ok()
}
