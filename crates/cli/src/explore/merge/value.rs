//! Parts of JSON. What is missing counts as nothing.

use serde_json::Value;

pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Words with something between them.
pub(super) fn words(value: &Value, between: &str) -> String {
    list(value).iter().map(word).collect::<Vec<_>>().join(between)
}

/// The fields of an object that have these names, and no others.
pub(super) fn only(value: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| ((*field).to_owned(), value[*field].clone())).collect()
}

/// The sum of numbers, or of objects that have the same fields: field by field.
pub(super) fn sum(values: impl IntoIterator<Item = Value>) -> Value {
    values.into_iter().fold(Value::Null, |sum, value| plus(&sum, &value))
}

fn plus(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => right
            .iter()
            .map(|(field, value)| (field.clone(), plus(left.get(field).unwrap_or(&Value::Null), value)))
            .collect(),
        (Value::Null, other) | (other, Value::Null) => other.clone(),
        _ => (number(left) + number(right)).into(),
    }
}
