//! TwiML: the instructions a carrier asks for when a call arrives and when a stream ends.
//!
//! Written by [`Response::to_xml`]; read, strictly and only this subset, by [`Response::parse`]
//! (the carrier's side in [`crate::client`] follows them).
//!
//! ```
//! use parloir_transport::twiml::{Response, Stream};
//!
//! let stream = Stream::new("wss://voice.example/stream").parameter("call", "7");
//! let answer = Response::connect(stream, Some("https://voice.example/ended"));
//! assert_eq!(Response::parse(&answer.to_xml())?, answer);
//! # Ok::<(), parloir_transport::twiml::BadTwiml>(())
//! ```

use std::fmt::Write as _;

use roxmltree::{Document, Node, ParsingOptions};

/// The longest document that is read: 64 KiB, the carrier's own limit.
pub const MAX_BYTES: usize = 64 * 1024;

/// A whole document: verbs, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// What to do, in order.
    pub verbs: Vec<Verb>,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Open a stream and wait for its end.
    Connect(Connect),
    /// Ring a number and connect the caller.
    Dial(Dial),
    /// Speak with the carrier's own voice.
    Say(Say),
    /// End the call.
    Hangup,
    /// Do not answer it: the caller hears that the line is busy. Only as the first verb.
    Reject,
}

/// `<Connect>`: a stream, and the address that is asked what comes after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Asked for the next instructions when the stream ends; the next verb follows when none.
    pub action: Option<String>,
    /// The stream.
    pub stream: Stream,
}

/// `<Stream>`: where sound goes, both ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// `wss://…`; the carrier drops a query string, so use parameters.
    pub url: String,
    /// Told to the server in its `start` message. The carrier allows 500 characters for each.
    pub parameters: Vec<(String, String)>,
}

impl Stream {
    /// To this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), parameters: Vec::new() }
    }

    /// With one more parameter.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }
}

/// `<Dial>`: another telephone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// In E.164 form.
    pub number: String,
    /// Asked for the next instructions when the other side has finished or did not answer.
    pub action: Option<String>,
    /// How long it rings, in seconds; the carrier's 30 when none.
    pub timeout_s: Option<u16>,
    /// The number the other side sees.
    pub caller_id: Option<String>,
}

impl Dial {
    /// Rings this number.
    pub fn new(number: impl Into<String>) -> Self {
        Self { number: number.into(), action: None, timeout_s: None, caller_id: None }
    }

    /// Asks this address what comes after.
    #[must_use]
    pub fn action(mut self, url: impl Into<String>) -> Self {
        self.action = Some(url.into());
        self
    }
}

/// `<Say>`: the carrier's own voice, for when nothing of ours can speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// What is said.
    pub text: String,
    /// BCP 47 ("fr-FR"); the carrier's own choice when none.
    pub language: Option<String>,
}

/// Why a document was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the call instructions (TwiML) cannot be followed: {0}")]
pub struct BadTwiml(String);

impl From<Verb> for Response {
    fn from(verb: Verb) -> Self {
        Self { verbs: vec![verb] }
    }
}

impl Response {
    /// `<Connect>` to a stream.
    pub fn connect(stream: Stream, action: Option<&str>) -> Self {
        Verb::Connect(Connect { action: action.map(str::to_owned), stream }).into()
    }

    /// `<Dial>`.
    pub fn dial(dial: Dial) -> Self {
        Verb::Dial(dial).into()
    }

    /// `<Hangup/>`.
    pub fn hangup() -> Self {
        Verb::Hangup.into()
    }

    /// `<Reject reason="busy"/>`: the call is not answered, and costs nobody anything.
    pub fn reject() -> Self {
        Verb::Reject.into()
    }

    /// With a sentence in front.
    #[must_use]
    pub fn saying(mut self, text: impl Into<String>, language: Option<&str>) -> Self {
        self.verbs.insert(0, Verb::Say(Say { text: text.into(), language: language.map(str::to_owned) }));
        self
    }

    /// The document. Characters that XML cannot hold are left out.
    pub fn to_xml(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>");
        for verb in &self.verbs {
            // Writing to a String cannot fail.
            let _ = match verb {
                Verb::Connect(connect) => write_connect(&mut xml, connect),
                Verb::Dial(dial) => write_dial(&mut xml, dial),
                Verb::Say(say) => {
                    xml.push_str("<Say");
                    let language = attribute(&mut xml, "language", say.language.as_deref());
                    language.and(write!(xml, ">{}</Say>", Escaped(&say.text)))
                }
                Verb::Hangup => xml.write_str("<Hangup/>"),
                Verb::Reject => xml.write_str("<Reject reason=\"busy\"/>"),
            };
        }
        xml.push_str("</Response>");
        xml
    }

    /// Reads a document. An element, attribute or text that is not of the subset is an error that names it.
    pub fn parse(xml: &str) -> Result<Self, BadTwiml> {
        if xml.len() > MAX_BYTES {
            return Err(BadTwiml(format!("{} bytes, more than the 65536 a carrier reads", xml.len())));
        }
        let options = ParsingOptions { nodes_limit: 4096, ..ParsingOptions::default() };
        let document =
            Document::parse_with_options(xml, options).map_err(|error| BadTwiml(error.to_string()))?;
        let root = document.root_element();
        if root.tag_name().name() != "Response" {
            return Err(BadTwiml(format!("the document is <{}>, not <Response>", root.tag_name().name())));
        }
        Ok(Self { verbs: elements(root)?.into_iter().map(verb).collect::<Result<_, _>>()? })
    }
}

fn write_connect(xml: &mut String, connect: &Connect) -> std::fmt::Result {
    xml.push_str("<Connect");
    attribute(xml, "action", connect.action.as_deref())?;
    write!(xml, "><Stream url=\"{}\"", Escaped(&connect.stream.url))?;
    if connect.stream.parameters.is_empty() {
        xml.push_str("/></Connect>");
        return Ok(());
    }
    xml.push('>');
    for (name, value) in &connect.stream.parameters {
        write!(xml, "<Parameter name=\"{}\" value=\"{}\"/>", Escaped(name), Escaped(value))?;
    }
    xml.push_str("</Stream></Connect>");
    Ok(())
}

fn write_dial(xml: &mut String, dial: &Dial) -> std::fmt::Result {
    xml.push_str("<Dial");
    attribute(xml, "action", dial.action.as_deref())?;
    attribute(xml, "timeout", dial.timeout_s.map(|seconds| seconds.to_string()).as_deref())?;
    attribute(xml, "callerId", dial.caller_id.as_deref())?;
    write!(xml, ">{}</Dial>", Escaped(&dial.number))
}

fn attribute(xml: &mut String, name: &str, value: Option<&str>) -> std::fmt::Result {
    value.map_or(Ok(()), |value| write!(xml, " {name}=\"{}\"", Escaped(value)))
}

/// Text for an attribute in double quotes or an element.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            // A raw one in an attribute would be read back as a space.
            '\t' => f.write_str("&#9;"),
            '\n' => f.write_str("&#10;"),
            '\r' => f.write_str("&#13;"),
            // XML 1.0 §2.2 has no way to write these.
            '\u{0}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => Ok(()),
            other => f.write_char(other),
        })
    }
}

fn elements<'a, 'input>(parent: Node<'a, 'input>) -> Result<Vec<Node<'a, 'input>>, BadTwiml> {
    let mut found = Vec::new();
    for child in parent.children() {
        if child.is_element() {
            found.push(child);
        } else if child.is_text() && !child.text().unwrap_or_default().trim().is_empty() {
            return Err(BadTwiml(format!(
                "<{}> holds text where only verbs may be",
                parent.tag_name().name()
            )));
        }
    }
    Ok(found)
}

fn only_attributes(node: Node<'_, '_>, known: &[&str]) -> Result<(), BadTwiml> {
    match node.attributes().find(|attribute| !known.contains(&attribute.name())) {
        None => Ok(()),
        Some(odd) => Err(BadTwiml(format!(
            "<{}> has an attribute {:?} that is not known here",
            node.tag_name().name(),
            odd.name()
        ))),
    }
}

fn text_of(node: Node<'_, '_>) -> Result<String, BadTwiml> {
    if node.children().any(|child| child.is_element()) {
        return Err(BadTwiml(format!("<{}> may hold text only", node.tag_name().name())));
    }
    Ok(node.children().filter_map(|child| if child.is_text() { child.text() } else { None }).collect())
}

fn verb(node: Node<'_, '_>) -> Result<Verb, BadTwiml> {
    let owned = |name: &str| node.attribute(name).map(str::to_owned);
    match node.tag_name().name() {
        "Connect" => {
            only_attributes(node, &["action", "method"])?;
            let inside = elements(node)?;
            let [stream] = inside.as_slice() else {
                return Err(BadTwiml("<Connect> must hold one <Stream>".to_owned()));
            };
            Ok(Verb::Connect(Connect { action: owned("action"), stream: stream_of(*stream)? }))
        }
        "Dial" => {
            only_attributes(node, &["action", "method", "timeout", "callerId"])?;
            let timeout_s = match node.attribute("timeout") {
                None => None,
                Some(text) => Some(
                    text.parse()
                        .map_err(|_| BadTwiml(format!("timeout {text:?} is no number of seconds")))?,
                ),
            };
            let number = match elements(node).as_deref() {
                Ok([inner]) if inner.tag_name().name() == "Number" => text_of(*inner)?,
                _ => text_of(node)?,
            };
            let number = number.trim().to_owned();
            if number.is_empty() {
                return Err(BadTwiml("<Dial> names no number".to_owned()));
            }
            Ok(Verb::Dial(Dial { number, action: owned("action"), timeout_s, caller_id: owned("callerId") }))
        }
        "Say" => {
            only_attributes(node, &["language", "voice"])?;
            Ok(Verb::Say(Say { text: text_of(node)?, language: owned("language") }))
        }
        "Hangup" => {
            only_attributes(node, &[])?;
            Ok(Verb::Hangup)
        }
        "Reject" => {
            only_attributes(node, &["reason"])?;
            Ok(Verb::Reject)
        }
        other => Err(BadTwiml(format!("<{other}> is not one of Connect, Dial, Say, Hangup, Reject"))),
    }
}

fn stream_of(node: Node<'_, '_>) -> Result<Stream, BadTwiml> {
    if node.tag_name().name() != "Stream" {
        return Err(BadTwiml(format!("<Connect> holds <{}>, not <Stream>", node.tag_name().name())));
    }
    only_attributes(node, &["url", "name"])?;
    let url = node.attribute("url").ok_or_else(|| BadTwiml("<Stream> has no url".to_owned()))?;
    let mut stream = Stream::new(url);
    for parameter in elements(node)? {
        if parameter.tag_name().name() != "Parameter" {
            return Err(BadTwiml(format!(
                "<Stream> holds <{}>, not <Parameter>",
                parameter.tag_name().name()
            )));
        }
        only_attributes(parameter, &["name", "value"])?;
        match (parameter.attribute("name"), parameter.attribute("value")) {
            (Some(name), Some(value)) => stream = stream.parameter(name, value),
            _ => return Err(BadTwiml("<Parameter> needs a name and a value".to_owned())),
        }
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_call_is_answered_with_a_stream() {
        let stream = Stream::new("wss://voice.example/stream").parameter("call", "a&b \"c\" <d>");
        let xml = Response::connect(stream, Some("https://voice.example/ended?x=1&y=2")).to_xml();
        assert_eq!(
            xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>\
             <Connect action=\"https://voice.example/ended?x=1&amp;y=2\"><Stream url=\"wss://voice.example/stream\">\
             <Parameter name=\"call\" value=\"a&amp;b &quot;c&quot; &lt;d&gt;\"/></Stream></Connect></Response>"
        );
    }

    #[test]
    fn a_call_that_is_not_answered_is_rejected_as_busy() {
        let xml = Response::reject().to_xml();
        assert!(xml.ends_with("<Response><Reject reason=\"busy\"/></Response>"), "{xml}");
        assert_eq!(Response::parse(&xml).unwrap(), Response::reject());
    }

    #[test]
    fn a_fallback_says_a_sentence_dials_and_hangs_up() {
        let mut answer = Response::dial(Dial::new("+33123456789").action("https://voice.example/dialled"))
            .saying("Un instant…", Some("fr-FR"));
        answer.verbs.push(Verb::Hangup);
        let xml = answer.to_xml();
        assert!(xml.contains("<Say language=\"fr-FR\">Un instant…</Say><Dial action="), "{xml}");
        assert_eq!(Response::parse(&xml), Ok(answer));
    }

    #[test]
    fn what_cannot_be_followed_is_named() {
        let table = [
            ("", "does not have a root node"),
            ("<Answer/>", "<Answer>, not <Response>"),
            ("<Response><Play>x</Play></Response>", "<Play> is not one of"),
            ("<Response>hello</Response>", "holds text"),
            ("<Response><Connect/></Response>", "must hold one <Stream>"),
            ("<Response><Connect><Stream/></Connect></Response>", "<Stream> has no url"),
            (
                "<Response><Connect><Stream url='ws://a'><Parameter name='x'/></Stream></Connect></Response>",
                "needs a name",
            ),
            ("<Response><Dial timeout='soon'>+33</Dial></Response>", "\"soon\" is no number"),
            ("<Response><Dial> </Dial></Response>", "names no number"),
            ("<Response><Hangup reason='x'/></Response>", "attribute \"reason\""),
            ("<!DOCTYPE r [<!ENTITY a 'b'>]><Response/>", "DTD"),
        ];
        for (xml, part) in table {
            let error = Response::parse(xml).unwrap_err().to_string();
            assert!(error.contains(part), "{xml}: {error}");
        }
        assert!(Response::parse(&" ".repeat(MAX_BYTES + 1)).unwrap_err().to_string().contains("65536"));
    }

    proptest! {
        #[test]
        fn any_text_survives_writing_and_reading(text in "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,60}") {
            let stream = Stream::new("wss://a/b").parameter("p", text.clone());
            let answer = Response::connect(stream, Some(&text)).saying(text.clone(), None);
            prop_assert_eq!(Response::parse(&answer.to_xml()), Ok(answer));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            let _ = Response::parse(&text);
        }
    }
}
