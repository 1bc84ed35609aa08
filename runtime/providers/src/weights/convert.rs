//! CTranslate2's Whisper base becomes the ggml file whisper.cpp reads.
//!
//! A ggml file: magic, eleven sizes, the mel filters, the tokens, then tensors: rank, name length, type (0 for 32-bit, 1 for
//! 16-bit floats), extents last first, name, bytes. The projections that CTranslate2 joins are cut apart again.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::ct2::{self, Tensor, malformed};
use super::{hex, mel};

const MAGIC: u32 = 0x6767_6d6c;
const VOCABULARY: u32 = 51_865;
const AUDIO_POSITIONS: u32 = 1_500;
const TEXT_POSITIONS: u32 = 448;
const WIDTH: u32 = 512;
const HEADS: u32 = 8;
const LAYERS: u32 = 6;
/// Tokens that are text; whisper.cpp makes the special ones itself.
const TEXT_TOKENS: usize = 50_257;

/// Writes the file; its SHA-256. `told` hears bytes done of bytes in all.
pub(super) fn write_ggml(
    model: &[u8],
    vocabulary: &str,
    path: &Path,
    told: &mut dyn FnMut(u64, u64),
) -> io::Result<String> {
    let tensors = ct2::read(model)?;
    let out = Hashing {
        inner: BufWriter::with_capacity(1 << 20, File::create(path)?),
        hash: Sha256::new(),
        done: 0,
    };
    let mut writer = Writer { out, tensors, told, total: model.len() as u64 };
    writer.head()?;
    writer.vocabulary(vocabulary)?;
    writer.weights()?;
    writer.out.inner.flush()?;
    Ok(hex(&writer.out.hash.finalize()))
}

struct Hashing<W> {
    inner: W,
    hash: Sha256,
    done: u64,
}

impl<W: Write> Hashing<W> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.done += bytes.len() as u64;
        self.inner.write_all(bytes)
    }

    fn number(&mut self, number: u32) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }
}

struct Writer<'a> {
    out: Hashing<BufWriter<File>>,
    tensors: HashMap<String, Tensor<'a>>,
    told: &'a mut dyn FnMut(u64, u64),
    total: u64,
}

/// How a tensor's numbers are kept.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    /// As they are: matrices.
    Half,
    /// Widened to 32 bits: what is added rather than multiplied.
    Single,
}

impl<'a> Writer<'a> {
    fn head(&mut self) -> io::Result<()> {
        let bands = mel::BANDS as u32;
        let (text, audio) = ([TEXT_POSITIONS, WIDTH, HEADS, LAYERS], [AUDIO_POSITIONS, WIDTH, HEADS, LAYERS]);
        let half = [bands, 1];
        let sizes = [MAGIC, VOCABULARY].into_iter().chain(audio).chain(text).chain(half);
        for number in sizes.chain([bands, mel::BINS as u32]) {
            self.out.number(number)?;
        }
        for weight in mel::filters() {
            self.out.bytes(&weight.to_le_bytes())?;
        }
        Ok(())
    }

    /// The tokens' bytes. The list writes each byte as one printable character, as GPT-2 did.
    fn vocabulary(&mut self, list: &str) -> io::Result<()> {
        let bytes = byte_alphabet();
        self.out.number(TEXT_TOKENS as u32)?;
        let mut count = 0;
        for token in list.split('\n').take(TEXT_TOKENS) {
            let token: Option<Vec<u8>> = token.chars().map(|c| bytes.get(&c).copied()).collect();
            let token = token.ok_or_else(|| malformed("a token in an unknown alphabet"))?;
            self.out.number(u32::try_from(token.len()).unwrap_or_default())?;
            self.out.bytes(&token)?;
            count += 1;
        }
        if count == TEXT_TOKENS { Ok(()) } else { Err(malformed("the vocabulary is too short")) }
    }

    fn weights(&mut self) -> io::Result<()> {
        self.whole("encoder.positional_embedding", "encoder/position_encodings/encodings", Keep::Single)?;
        for conv in ["conv1", "conv2"] {
            self.whole(&format!("encoder.{conv}.weight"), &format!("encoder/{conv}/weight"), Keep::Half)?;
            let bias = self.tensor(&format!("encoder/{conv}/bias"))?;
            // whisper.cpp adds it to columns.
            let column = Tensor { extents: [WIDTH, 1, 1], rank: 2, ..bias };
            self.put(&format!("encoder.{conv}.bias"), column, Keep::Single)?;
        }
        for layer in 0..LAYERS {
            let (from, to) = (format!("encoder/layer_{layer}"), format!("encoder.blocks.{layer}"));
            self.own_attention(&from, &to)?;
            self.feed_forward(&from, &to)?;
        }
        for layer in 0..LAYERS {
            let (from, to) = (format!("decoder/layer_{layer}"), format!("decoder.blocks.{layer}"));
            self.own_attention(&from, &to)?;
            self.cross_attention(&from, &to)?;
            self.feed_forward(&from, &to)?;
        }
        self.norm("encoder.ln_post", "encoder/layer_norm")?;
        self.norm("decoder.ln", "decoder/layer_norm")?;
        self.whole("decoder.positional_embedding", "decoder/position_encodings/encodings", Keep::Single)?;
        self.whole("decoder.token_embedding.weight", "decoder/embeddings/weight", Keep::Half)
    }

    fn own_attention(&mut self, from: &str, to: &str) -> io::Result<()> {
        let source = format!("{from}/self_attention");
        self.norm(&format!("{to}.attn_ln"), &format!("{source}/layer_norm"))?;
        self.slice(&format!("{to}.attn.query"), &format!("{source}/linear_0"), 0, true)?;
        self.slice(&format!("{to}.attn.key"), &format!("{source}/linear_0"), 1, false)?;
        self.slice(&format!("{to}.attn.value"), &format!("{source}/linear_0"), 2, true)?;
        self.linear(&format!("{to}.attn.out"), &format!("{source}/linear_1"))
    }

    fn cross_attention(&mut self, from: &str, to: &str) -> io::Result<()> {
        let source = format!("{from}/attention");
        self.norm(&format!("{to}.cross_attn_ln"), &format!("{source}/layer_norm"))?;
        self.linear(&format!("{to}.cross_attn.query"), &format!("{source}/linear_0"))?;
        self.slice(&format!("{to}.cross_attn.key"), &format!("{source}/linear_1"), 0, false)?;
        self.slice(&format!("{to}.cross_attn.value"), &format!("{source}/linear_1"), 1, true)?;
        self.linear(&format!("{to}.cross_attn.out"), &format!("{source}/linear_2"))
    }

    fn feed_forward(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.norm(&format!("{to}.mlp_ln"), &format!("{from}/ffn/layer_norm"))?;
        self.linear(&format!("{to}.mlp.0"), &format!("{from}/ffn/linear_0"))?;
        self.linear(&format!("{to}.mlp.2"), &format!("{from}/ffn/linear_1"))
    }

    fn norm(&mut self, to: &str, from: &str) -> io::Result<()> {
        self.whole(&format!("{to}.weight"), &format!("{from}/gamma"), Keep::Single)?;
        self.whole(&format!("{to}.bias"), &format!("{from}/beta"), Keep::Single)
    }

    fn linear(&mut self, to: &str, from: &str) -> io::Result<()> {
        self.whole(&format!("{to}.weight"), &format!("{from}/weight"), Keep::Half)?;
        self.whole(&format!("{to}.bias"), &format!("{from}/bias"), Keep::Single)
    }

    /// One of the projections joined in a tensor: rows `WIDTH * number` and on. Keys have no bias.
    fn slice(&mut self, to: &str, from: &str, number: u32, biased: bool) -> io::Result<()> {
        let part = |tensor: Tensor<'a>, row: u32| {
            let size = (row * WIDTH * 2) as usize;
            tensor.bytes.chunks_exact(size).nth(number as usize)
        };
        let short = || malformed("a projection is missing");
        let weight = self.tensor(&format!("{from}/weight"))?;
        let bytes = part(weight, WIDTH).ok_or_else(short)?;
        let rows = Tensor { bytes, extents: [WIDTH, WIDTH, 1], rank: 2 };
        self.put(&format!("{to}.weight"), rows, Keep::Half)?;
        if biased {
            let bytes = part(self.tensor(&format!("{from}/bias"))?, 1).ok_or_else(short)?;
            let bias = Tensor { bytes, extents: [WIDTH, 1, 1], rank: 1 };
            self.put(&format!("{to}.bias"), bias, Keep::Single)?;
        }
        Ok(())
    }

    fn whole(&mut self, to: &str, from: &str, keep: Keep) -> io::Result<()> {
        let tensor = self.tensor(from)?;
        self.put(to, tensor, keep)
    }

    fn tensor(&self, name: &str) -> io::Result<Tensor<'a>> {
        self.tensors.get(name).copied().ok_or_else(|| malformed(&format!("the model has no {name}")))
    }

    fn put(&mut self, name: &str, tensor: Tensor<'_>, keep: Keep) -> io::Result<()> {
        self.out.number(u32::try_from(tensor.rank).unwrap_or_default())?;
        self.out.number(u32::try_from(name.len()).unwrap_or_default())?;
        self.out.number(u32::from(keep == Keep::Half))?;
        for extent in tensor.extents.iter().take(tensor.rank).rev() {
            self.out.number(*extent)?;
        }
        self.out.bytes(name.as_bytes())?;
        match keep {
            Keep::Half => self.out.bytes(tensor.bytes)?,
            Keep::Single => {
                let widened = tensor.bytes.chunks_exact(2).flat_map(|pair| {
                    let half = pair.try_into().map_or(0, u16::from_le_bytes);
                    widen(half).to_le_bytes()
                });
                self.out.bytes(&widened.collect::<Vec<_>>())?;
            }
        }
        (self.told)(self.out.done.min(self.total), self.total);
        Ok(())
    }
}

/// A 16-bit float (IEEE 754 binary16) as a 32-bit one; exact.
fn widen(half: u16) -> f32 {
    let sign = if half & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(half >> 10 & 0x1f), f32::from(half & 0x3ff));
    match exponent {
        0 => sign * fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1_024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    }
}

/// GPT-2's printable characters for bytes: the printable ones are themselves, the others follow from U+0100.
fn byte_alphabet() -> HashMap<char, u8> {
    let printable = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others = (0..=255_u8).filter(|byte| !printable(byte));
    let shown = (0..=255_u8).filter(printable).map(|byte| (char::from(byte), byte));
    let shifted = (0x100_u32..).filter_map(char::from_u32).zip(others);
    shown.chain(shifted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_widen_exactly() {
        for (half, single) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(widen(half), single, "{half:#06x}");
        }
        assert!(widen(0x7e00).is_nan());
    }

    #[test]
    fn every_byte_has_its_character() {
        let alphabet = byte_alphabet();
        assert_eq!(alphabet.len(), 256);
        assert_eq!(alphabet[&'Ġ'], b' ');
        assert_eq!(alphabet[&'Ċ'], b'\n');
        assert_eq!(alphabet[&'é'], 0xe9);
    }
}
