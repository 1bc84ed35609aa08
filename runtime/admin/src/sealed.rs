//! A tenant's secret as it rests: a row like any other, sealed under the tenant's keys, and wiped where it passed through memory.

use parloir_tenancy::secret::Secret;
use serde::de::{Deserializer, Error};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// In base64: the longest secret fits into a row, however many quotes and backslashes it has.
pub(crate) struct KeptSecret(pub(crate) Secret);

impl Serialize for KeptSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let encoded = Zeroizing::new(STANDARD.encode(self.0.reveal()));
        serializer.serialize_str(&encoded)
    }
}

impl<'de> Deserialize<'de> for KeptSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not a word of what is there instead.
        let wrong = || D::Error::custom("it is no secret");
        let encoded = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = Zeroizing::new(STANDARD.decode(encoded.as_bytes()).map_err(|_| wrong())?);
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong())?;
        Secret::new(text.to_owned()).map(Self).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use parloir_tenancy::connector::MAX_SECRET;

    use super::*;

    #[test]
    fn the_longest_secret_of_quotes_alone_fits_into_a_row_and_reads_back() {
        let secret = "\"\\".repeat(MAX_SECRET / 2);
        let kept = KeptSecret(Secret::new(secret.clone()).unwrap());
        let written = serde_json::to_string(&kept).unwrap();
        assert!(written.len() + 200 < parloir_store::MAX_VALUE, "{}", written.len());
        let again: KeptSecret = serde_json::from_str(&written).unwrap();
        assert_eq!(again.0.reveal(), secret);
        for torn in ["\"*\"", "\"/w==\"", "\"\"", "7"] {
            assert!(serde_json::from_str::<KeptSecret>(torn).is_err(), "{torn}");
        }
    }
}
