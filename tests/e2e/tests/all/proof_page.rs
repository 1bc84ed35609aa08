//! The verifier's page in a real browser: the proof of a real call, whole, redacted, altered, and signed by another log.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::browser::Browser;
use crate::house;
use crate::house::House;
use base64::Engine as _;

fn parloir(arguments: &[&str]) -> String {
    let output = Command::new(house::parloir()).args(arguments).current_dir(house::root()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Gives the page a file, as if somebody had chosen it, and the key that they were told.
async fn choose(page: &mut Browser, file: &[u8], key: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.encode(file);
    let act = format!(
        "(() => {{
            const chosen = new DataTransfer();
            chosen.items.add(new File([Uint8Array.from(atob('{bytes}'), (c) => c.charCodeAt(0))], 'proof.json'));
            document.getElementById('verdict').replaceChildren();
            document.getElementById('key').value = {key:?};
            document.getElementById('file').files = chosen.files;
        }})()"
    );
    page.value(&act).await;
    // The page listens once its module is compiled.
    let told = "(() => {
        const judged = document.getElementById('verdict').childElementCount > 0;
        if (!judged) document.getElementById('file').dispatchEvent(new Event('change'));
        return judged;
    })()";
    page.until(told, Duration::from_secs(10)).await;
    page.value("document.body.innerText").await.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_checks_the_proof_of_a_call_and_refuses_it_altered() {
    let (house, calls) = House::that_answered(1).await;
    let (id, records) = calls.into_iter().next().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let data = house.folders.data.display().to_string();
    parloir(&["build", "runtime/proof/page", "-o", &at("verifier.html")]);
    parloir(&["prove", &id, "--data", &data, "-o", &at("whole.json")]);
    parloir(&["prove", &id, "--data", &data, "--redact", "contents", "-o", &at("redacted.json")]);
    let key = parloir(&["log-key", "test", "--data", &data]);
    let key = key.split_whitespace().find(|word| word.matches('+').count() >= 2).expect("a key").to_owned();

    let whole = std::fs::read(at("whole.json")).unwrap();
    let mut page = Browser::open(&format!("file://{}", at("verifier.html")), Path::new("/dev/null")).await;
    page.until("document.getElementById('verdict') !== null", Duration::from_secs(20)).await;
    let shown = choose(&mut page, &whole, &key).await;
    assert!(shown.contains(&format!("Proven: the whole call {id}, {} records", records.len())), "{shown}");
    assert!(shown.contains("Signed by the log whose key you gave."), "{shown}");
    assert!(shown.contains("je voudrais un rendez-vous"), "{shown}");

    let shown = choose(&mut page, &std::fs::read(at("redacted.json")).unwrap(), "").await;
    assert!(shown.contains("Proven: the whole call"), "{shown}");
    assert!(!shown.contains("je voudrais un rendez-vous"), "{shown}");

    for place in [whole.len() / 3, whole.len() / 2, whole.len() * 2 / 3] {
        let mut bad = whole.clone();
        bad[place] ^= 1;
        let shown = choose(&mut page, &bad, "").await;
        assert!(shown.contains("This file proves nothing."), "{shown}");
    }
    // Somebody else's log.
    let mut foreign = key.clone().into_bytes();
    let last = foreign.len() - 6;
    foreign[last] = if foreign[last] == b'A' { b'B' } else { b'A' };
    let shown = choose(&mut page, &whole, std::str::from_utf8(&foreign).unwrap()).await;
    assert!(shown.contains("This file proves nothing."), "{shown}");
}
