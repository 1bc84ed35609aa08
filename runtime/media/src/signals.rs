//! Sounds for the tests: noise, tones, and the caller's lines.

/// White noise at 8 kHz, uniform, reproducible by its seed.
pub(crate) fn noise(seed: u64, millis: usize, peak: f64) -> Vec<i16> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..millis * 8)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * peak
        })
        .map(|sample| sample as i16)
        .collect()
}

/// A sum of sinusoids at 8 kHz, each at an equal share of `peak`.
pub(crate) fn tones(hertz: &[f64], millis: usize, peak: f64) -> Vec<i16> {
    (0..millis * 8)
        .map(|n| {
            let at = n as f64 / 8_000.0;
            let sum: f64 = hertz.iter().map(|f| (std::f64::consts::TAU * f * at).sin()).sum();
            (sum / hertz.len() as f64 * peak) as i16
        })
        .collect()
}

/// A line of a caller, 8 kHz, decoded from the µ-law WAV files beside the tests.
pub(crate) fn line(name: &str) -> Vec<i16> {
    let path = format!("{}/tests-data/{name}.wav", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).expect("the line is there");
    let data = bytes.windows(4).position(|four| four == b"data").expect("a data chunk");
    let mut pcm = Vec::new();
    crate::codec::Codec::Mulaw.decode(&bytes[data + 8..], &mut pcm);
    pcm
}

/// The caller's lines that lie beside the tests.
pub(crate) const LINES: [&str; 10] = [
    "fr_oui",
    "fr_non",
    "fr_telephone",
    "fr_hesite",
    "fr_bonjour_rdv",
    "fr_coupe",
    "fr_mardi_matin",
    "en_yes",
    "en_hello_appointment",
    "en_name",
];
