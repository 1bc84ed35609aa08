//! What a provider asks for its work, as the operator writes it, and what a call's work costs by that.

use serde::{Deserialize, Serialize};

/// The highest price of a unit, in millionths: a million of the currency's units.
const MOST: u64 = 1_000_000_000_000;

/// A provider's prices: `prices` of a `[[provider]]`, all in millionths of the currency's unit.
///
/// ```
/// use parloir_providers::{Prices, Quantity};
///
/// let prices: Prices = toml::from_str(r#"
///     currency = "EUR"
///     per-1000-tokens-in = 400      # 0.0004 EUR
///     per-1000-tokens-out = 1_600
/// "#)?;
/// let asked = Quantity { input_tokens: 1_500, output_tokens: 500, ..Quantity::default() };
/// assert_eq!(prices.cost(&asked), Some(600 + 800));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Prices {
    /// ISO 4217 ("EUR").
    pub currency: String,
    /// For 1,000 tokens read by a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_1000_tokens_in: Option<u64>,
    /// For 1,000 tokens written by a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_1000_tokens_out: Option<u64>,
    /// For a minute of speech recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u64>,
    /// For 1,000 characters spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_1000_characters: Option<u64>,
}

/// What a provider did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quantity {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Milliseconds of speech recognised.
    pub audio_ms: u64,
    /// Characters spoken.
    pub characters: u64,
}

impl Prices {
    /// What it costs, in millionths, a part of one counted as one; `None` where the price of something that was done is missing.
    /// More than can be written is the most that can.
    pub fn cost(&self, done: &Quantity) -> Option<u64> {
        let Quantity { input_tokens, output_tokens, audio_ms, characters } = *done;
        // All in 60,000ths of a millionth, so that it is rounded once: 1,000 tokens are 60,000 parts of 60, a minute is
        // 60,000 parts of one.
        let parts = [
            (input_tokens, self.per_1000_tokens_in, 60),
            (output_tokens, self.per_1000_tokens_out, 60),
            (characters, self.per_1000_characters, 60),
            (audio_ms, self.per_minute, 1),
        ];
        let mut sum = 0_u128;
        for (amount, price, weight) in parts.into_iter().filter(|(amount, ..)| *amount > 0) {
            let cost = u128::from(amount).saturating_mul(u128::from(price?)).saturating_mul(weight);
            sum = sum.saturating_add(cost);
        }
        Some(u64::try_from(sum.div_ceil(60_000)).unwrap_or(u64::MAX))
    }

    /// What is wrong with them, and what to write.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err("write `currency` as three capitals (ISO 4217), such as \"EUR\"".to_owned());
        }
        let Self { currency: _, per_1000_tokens_in, per_1000_tokens_out, per_minute, per_1000_characters } =
            self;
        let all = [per_1000_tokens_in, per_1000_tokens_out, per_minute, per_1000_characters];
        if all.iter().all(|price| price.is_none()) {
            return Err(
                "write a price, such as per-minute = 6000 (0.006 of the currency), or leave prices out"
                    .to_owned(),
            );
        }
        if all.into_iter().flatten().any(|price| *price > MOST) {
            return Err(format!("write each price in millionths of the currency's unit, at most {MOST}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prices() -> Prices {
        Prices {
            currency: "EUR".to_owned(),
            per_1000_tokens_in: Some(400),
            per_1000_tokens_out: Some(1_600),
            per_minute: Some(6_000),
            per_1000_characters: Some(15_000),
        }
    }

    #[test]
    fn a_part_of_a_millionth_counts_as_one_and_is_rounded_once() {
        let table = [
            (Quantity::default(), 0),
            (Quantity { input_tokens: 1, ..Quantity::default() }, 1),
            (Quantity { input_tokens: 5, ..Quantity::default() }, 2),
            // 0.4 and 1.6 are two, not three.
            (Quantity { input_tokens: 1, output_tokens: 1, ..Quantity::default() }, 2),
            (Quantity { audio_ms: 60_000, ..Quantity::default() }, 6_000),
            (Quantity { audio_ms: 11, ..Quantity::default() }, 2),
            (Quantity { characters: 1_000, ..Quantity::default() }, 15_000),
        ];
        for (done, cost) in table {
            assert_eq!(prices().cost(&done), Some(cost), "{done:?}");
        }
    }

    #[test]
    fn more_than_can_be_written_is_the_most_that_can() {
        let all = Quantity {
            input_tokens: u64::MAX,
            output_tokens: u64::MAX,
            audio_ms: u64::MAX,
            characters: u64::MAX,
        };
        let dear = Prices { per_1000_tokens_in: Some(u64::MAX), per_minute: Some(u64::MAX), ..prices() };
        assert_eq!(dear.cost(&all), Some(u64::MAX));
    }

    #[test]
    fn what_has_no_price_costs_nobody_knows_what() {
        let speech = Prices { per_minute: None, ..prices() };
        assert_eq!(speech.cost(&Quantity { audio_ms: 1, ..Quantity::default() }), None);
        assert_eq!(speech.cost(&Quantity { characters: 1, ..Quantity::default() }), Some(15));
        let free = Prices { per_minute: Some(0), ..prices() };
        assert_eq!(free.cost(&Quantity { audio_ms: 60_000, ..Quantity::default() }), Some(0));
    }

    #[test]
    fn mistakes_name_the_remedy() {
        assert_eq!(prices().check(), Ok(()));
        for currency in ["", "eur", "EURO", "€€", "E1R"] {
            let wrong = Prices { currency: currency.to_owned(), ..prices() }.check().unwrap_err();
            assert!(wrong.contains("ISO 4217"), "{wrong}");
        }
        let dear = Prices { per_minute: Some(MOST + 1), ..prices() };
        assert!(dear.check().unwrap_err().contains("millionths"));
        let none = toml::from_str::<Prices>("currency = \"EUR\"").unwrap();
        assert!(none.check().unwrap_err().contains("per-minute"));
        assert!(toml::from_str::<Prices>("currency = \"EUR\"\nper-minute = 0.006").is_err(), "no floats");
    }

    proptest! {
        #[test]
        fn in_parts_it_costs_no_less_and_at_most_a_millionth_more(
            tokens in 0..u64::from(u32::MAX), ms in 0..u64::from(u32::MAX), characters in 0..u64::from(u32::MAX),
        ) {
            let whole = Quantity { input_tokens: tokens, output_tokens: 0, audio_ms: ms, characters };
            let read = Quantity { input_tokens: tokens, ..Quantity::default() };
            let rest = Quantity { input_tokens: 0, ..whole };
            let (whole, parts) = (prices().cost(&whole).unwrap(), prices().cost(&read).unwrap() + prices().cost(&rest).unwrap());
            prop_assert!(whole <= parts && parts <= whole + 1);
        }
    }
}
