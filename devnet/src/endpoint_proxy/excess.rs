//! Answers that are far too long, made piece by piece.

use std::convert::Infallible;

use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame};
use serde_json::Value;

use super::{Body, Excess};

/// One piece. Unit: bytes.
const PIECE: usize = 64 << 10;

/// An answer to the question with this id.
pub(super) fn answer(excess: Excess, id: &Value) -> Response<Body> {
    let (key, open, close, length) = match excess {
        Excess::LongError => ("error", r#"{"code":-32000,"message":""#, r#""}}"#, 30_000_000),
        Excess::LongResult => ("result", "\"", "\"}", 15_000_000),
        Excess::Endless => ("result", "\"", "", usize::MAX),
    };
    let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"{key}":{open}"#);
    let piece = Bytes::from(vec![b'f'; PIECE]);
    let middle = (0..length / PIECE).map(move |_| piece.clone());
    let pieces =
        std::iter::once(Bytes::from(head)).chain(middle).chain([Bytes::from_static(close.as_bytes())]);
    let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    Response::new(StreamBody::new(stream::iter(frames)).boxed())
}
