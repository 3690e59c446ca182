//! Java's arrays and strings as Rust's, and back.

use jni::Env;
use jni::objects::{JObjectArray, JString};

use super::throw::Failure;

/// An array of names and values in turn; a name without a value is left out.
pub(super) fn pairs(
    env: &mut Env<'_>,
    array: &JObjectArray<'_, JString<'_>>,
) -> Result<Vec<(String, String)>, Failure> {
    let length = array.len(env)?;
    let mut texts = Vec::with_capacity(length);
    for index in 0..length {
        let text = env.with_local_frame(4, |env| -> Result<String, jni::errors::Error> {
            array.get_element(env, index)?.try_to_string(env)
        })?;
        texts.push(text);
    }
    let mut texts = texts.into_iter();
    let mut pairs = Vec::with_capacity(length / 2);
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        pairs.push((name, value));
    }
    Ok(pairs)
}
