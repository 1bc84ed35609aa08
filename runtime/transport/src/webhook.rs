//! The forms a carrier posts: a call arrives, a stream has ended, a transfer has ended.
//!
//! Parse the body once into a [`Form`], verify the [signature](crate::signature) over
//! [`Form::fields`], then read it as what the address expects.

use url::form_urlencoded;

/// The largest body that is read: 32 KiB.
pub const MAX_BODY_BYTES: usize = 32 * 1024;
/// The most fields a form may have; a carrier sends about thirty.
pub const MAX_FIELDS: usize = 200;
/// The longest value of a field that is looked at by name.
pub const MAX_VALUE_BYTES: usize = 256;

/// Why a form is not what its address expects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadForm {
    /// More than [`MAX_BODY_BYTES`] or [`MAX_FIELDS`].
    #[error("the form is too large: at most 32 KiB and 200 fields are read")]
    TooLarge,
    /// A field that must be there is not, or is empty.
    #[error("the form has no {0}: point the carrier's voice webhook here with method POST")]
    Missing(&'static str),
    /// A field is there more than once, or too long.
    #[error("the form's {0} must be there once, with at most 256 bytes")]
    Unclear(&'static str),
    /// A status this protocol does not have.
    #[error("the form's {field} {given:?} is not known: {known}")]
    UnknownStatus {
        /// The field.
        field: &'static str,
        /// What it holds, cut to 40 characters.
        given: String,
        /// What it may hold.
        known: &'static str,
    },
}

/// A posted form, decoded, in its own order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Decodes `application/x-www-form-urlencoded`.
    pub fn parse(body: &[u8]) -> Result<Self, BadForm> {
        if body.len() > MAX_BODY_BYTES {
            return Err(BadForm::TooLarge);
        }
        let fields: Vec<(String, String)> =
            form_urlencoded::parse(body).into_owned().take(MAX_FIELDS + 1).collect();
        if fields.len() > MAX_FIELDS { Err(BadForm::TooLarge) } else { Ok(Self { fields }) }
    }

    /// A form of these fields, for the carrier's side.
    pub fn new(fields: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
    }

    /// Every field, for the signature.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// As a request body.
    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.fields()).finish()
    }

    fn optional(&self, name: &'static str) -> Result<Option<&str>, BadForm> {
        let mut values =
            self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() || value.is_some_and(|value| value.len() > MAX_VALUE_BYTES) {
            return Err(BadForm::Unclear(name));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    fn required(&self, name: &'static str) -> Result<String, BadForm> {
        self.optional(name)?.map(str::to_owned).ok_or(BadForm::Missing(name))
    }
}

/// A call arrives: what the voice webhook is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceRequest {
    /// The carrier's name for the call.
    pub call_sid: String,
    /// The carrier's account.
    pub account_sid: String,
    /// The caller's number; none when withheld.
    pub from: Option<String>,
    /// The line that rang, as the carrier writes it.
    pub to: String,
}

/// The words carriers write where a caller withheld the number.
const WITHHELD: [&str; 5] = ["anonymous", "restricted", "unknown", "unavailable", "+266696687"];

impl VoiceRequest {
    /// Reads the form of a call that arrives.
    pub fn from_form(form: &Form) -> Result<Self, BadForm> {
        let from = form.optional("From")?;
        let shown = from.filter(|from| !WITHHELD.iter().any(|word| word.eq_ignore_ascii_case(from)));
        Ok(Self {
            call_sid: form.required("CallSid")?,
            account_sid: form.required("AccountSid")?,
            from: shown.map(str::to_owned),
            to: form.required("To")?,
        })
    }

    /// The form, for the carrier's side.
    pub fn to_form(&self) -> Form {
        Form::new([
            ("CallSid", self.call_sid.clone()),
            ("AccountSid", self.account_sid.clone()),
            ("From", self.from.clone().unwrap_or_else(|| "anonymous".to_owned())),
            ("To", self.to.clone()),
            ("CallStatus", "ringing".to_owned()),
            ("Direction", "inbound".to_owned()),
            ("ApiVersion", "2010-04-01".to_owned()),
        ])
    }
}

/// A stream has ended: the `<Connect action>` is asked what comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectEnded {
    /// The carrier's name for the call.
    pub call_sid: String,
    /// The stream, where the carrier says it.
    pub stream_sid: Option<String>,
    /// Whether the caller is still there (`CallStatus` is `in-progress`).
    pub caller_present: bool,
}

impl ConnectEnded {
    /// Reads the form that the `<Connect action>` gets.
    pub fn from_form(form: &Form) -> Result<Self, BadForm> {
        Ok(Self {
            call_sid: form.required("CallSid")?,
            stream_sid: form.optional("StreamSid")?.map(str::to_owned),
            caller_present: form.optional("CallStatus")?.is_none_or(|status| status == "in-progress"),
        })
    }
}

/// How a transfer went, as `DialCallStatus` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialStatus {
    /// Somebody answered, and the two have finished (`completed`, `answered`).
    Completed,
    /// The line was engaged (`busy`).
    Busy,
    /// Nobody answered in time (`no-answer`).
    NoAnswer,
    /// The number could not be reached (`failed`).
    Failed,
    /// The caller hung up while it rang (`canceled`).
    Canceled,
}

impl DialStatus {
    /// As the carrier writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// A transfer has ended: the `<Dial action>` is asked what comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialEnded {
    /// The carrier's name for the caller's call.
    pub call_sid: String,
    /// How it went.
    pub status: DialStatus,
    /// How long the two spoke, in seconds, where the carrier says it.
    pub spoken_s: Option<u32>,
}

impl DialEnded {
    /// Reads the form that the `<Dial action>` gets.
    pub fn from_form(form: &Form) -> Result<Self, BadForm> {
        let status = match form.required("DialCallStatus")?.as_str() {
            "completed" | "answered" => DialStatus::Completed,
            "busy" => DialStatus::Busy,
            "no-answer" => DialStatus::NoAnswer,
            "failed" => DialStatus::Failed,
            "canceled" => DialStatus::Canceled,
            other => {
                return Err(BadForm::UnknownStatus {
                    field: "DialCallStatus",
                    given: other.chars().take(40).collect(),
                    known: "completed, answered, busy, no-answer, failed, canceled",
                });
            }
        };
        let spoken_s = form.optional("DialCallDuration")?.and_then(|text| text.parse().ok());
        Ok(Self { call_sid: form.required("CallSid")?, status, spoken_s })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_call_that_arrives_is_read() {
        let form =
            Form::parse(b"CallSid=CA1&AccountSid=AC1&From=%2B33612345678&To=%2B33123456789&X=a+b").unwrap();
        let request = VoiceRequest::from_form(&form).unwrap();
        assert_eq!((request.from.as_deref(), request.to.as_str()), (Some("+33612345678"), "+33123456789"));
        assert_eq!(
            VoiceRequest::from_form(&Form::parse(request.to_form().encode().as_bytes()).unwrap()),
            Ok(request)
        );
    }

    #[test]
    fn a_withheld_number_is_none() {
        for word in ["", "anonymous", "Restricted", "%2B266696687"] {
            let form =
                Form::parse(format!("CallSid=CA1&AccountSid=AC1&To=%2B331&From={word}").as_bytes()).unwrap();
            assert_eq!(VoiceRequest::from_form(&form).unwrap().from, None, "{word}");
        }
    }

    #[test]
    fn forms_that_are_not_the_carriers_are_refused_by_name() {
        let table: [(&[u8], BadForm); 3] = [
            (b"", BadForm::Missing("CallSid")),
            (b"CallSid=1&CallSid=2&AccountSid=AC&To=x", BadForm::Unclear("CallSid")),
            (b"CallSid=1&AccountSid=AC", BadForm::Missing("To")),
        ];
        for (body, error) in table {
            assert_eq!(VoiceRequest::from_form(&Form::parse(body).unwrap()), Err(error));
        }
        assert_eq!(Form::parse(&vec![b'a'; MAX_BODY_BYTES + 1]), Err(BadForm::TooLarge));
        assert_eq!(Form::parse("a=1&".repeat(MAX_FIELDS + 1).as_bytes()), Err(BadForm::TooLarge));
    }

    #[test]
    fn every_way_a_transfer_ends_is_known() {
        let read = |status: &str| {
            DialEnded::from_form(
                &Form::parse(format!("CallSid=CA1&DialCallStatus={status}").as_bytes()).unwrap(),
            )
        };
        for status in [
            DialStatus::Completed,
            DialStatus::Busy,
            DialStatus::NoAnswer,
            DialStatus::Failed,
            DialStatus::Canceled,
        ] {
            assert_eq!(read(status.as_str()).unwrap().status, status);
        }
        assert_eq!(read("answered").unwrap().status, DialStatus::Completed);
        assert!(read("perhaps").unwrap_err().to_string().contains("no-answer"));
    }

    #[test]
    fn after_a_stream_it_is_known_whether_the_caller_is_there() {
        let read = |body: &[u8]| ConnectEnded::from_form(&Form::parse(body).unwrap()).unwrap().caller_present;
        assert!(read(b"CallSid=CA1&CallStatus=in-progress"));
        assert!(!read(b"CallSid=CA1&CallStatus=completed"));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(form) = Form::parse(&body) {
                let _ = (VoiceRequest::from_form(&form), ConnectEnded::from_form(&form), DialEnded::from_form(&form));
            }
        }
    }
}
