//! The parameters of a call, from its query and its form.

use std::borrow::Cow;

use super::Refusal;

/// Decoded parameters, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    /// Takes those of the query and of a form together, as signature V1 does.
    pub fn of(query: &'a str, form: &'a [u8]) -> Result<Self, Refusal> {
        let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
        let mut known = Self(Vec::with_capacity(12));
        for (name, value) in pairs {
            if known.find(&name).is_some() {
                return Err(Refusal::Repeated(name.into_owned()));
            }
            known.0.push((name, value));
        }
        Ok(known)
    }

    /// The value of a parameter that has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that this operation can't do without.
    pub fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::MissingField(name))
    }

    /// The value of a parameter that no call can do without.
    pub(super) fn common(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::MissingParameter(name))
    }

    /// All but `left_out`, as they are signed.
    pub(super) fn without(&self, left_out: &str) -> Vec<(&str, &str)> {
        let all = self.0.iter();
        all.map(|(name, value)| (&**name, &**value))
            .filter(|(name, _)| *name != left_out)
            .collect()
    }

    fn find(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(known, _)| known == name)?;
        Some(&pair.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_and_form_are_one_and_decoded_as_clients_encode() {
        let parameters =
            Parameters::of("Topic=a%20b%2Bc+d&Empty=&Flag", b"MsgId=%E4%B8%AD").unwrap();
        assert_eq!(parameters.get("Topic"), Some("a b+c d"));
        assert_eq!(parameters.get("MsgId"), Some("中"));
        assert_eq!(parameters.get("Empty"), None);
        assert_eq!(
            parameters.without("Topic"),
            [("Empty", ""), ("Flag", ""), ("MsgId", "中")]
        );
        assert_eq!(
            parameters.required("InstanceId"),
            Err(Refusal::MissingField("InstanceId"))
        );
    }

    #[test]
    fn a_parameter_that_is_given_twice_means_nothing() {
        let twice = Err(Refusal::Repeated("Topic".to_owned()));
        assert_eq!(Parameters::of("Topic=a&Topic=a", b""), twice);
        assert_eq!(Parameters::of("Topic=a", b"Topic=b"), twice);
    }
}
