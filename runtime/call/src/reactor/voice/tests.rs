use super::*;

#[test]
fn a_sentence_for_every_letter_is_no_request_for_every_letter() {
    let mut letters: VecDeque<String> = std::iter::repeat_n("1".to_owned(), 4_000).collect();
    let mut requests = Vec::new();
    while let Some(text) = together(&mut letters) {
        assert!(text.len() <= TOGETHER, "{text}");
        requests.push(text);
    }
    assert_eq!(requests.len(), 80);
    assert_eq!(requests.iter().map(|text| text.split(' ').count()).sum::<usize>(), 4_000, "all are spoken");
    // What is long is spoken by itself.
    let long = "e".repeat(200);
    let mut sentences = VecDeque::from(["Oui.".to_owned(), long.clone(), "Non.".to_owned()]);
    let spoken: Vec<String> = std::iter::from_fn(|| together(&mut sentences)).collect();
    assert_eq!(spoken, ["Oui.", long.as_str(), "Non."]);
}
