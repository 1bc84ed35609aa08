//! Conversations with a scripted caller: each reads as it would go on the telephone.

mod english;
mod french;
mod host;
mod trouble;
