//! What each path answers.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus::{Registry, TextEncoder};
use serde_json::json;

use crate::{Health, HealthReport};

const PATHS: &str = "this address has /metrics, /livez and /readyz\n";

/// Headers of every answer: it is of this moment, and never to be taken for a page.
const HEADERS: [(HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];

#[derive(Clone)]
struct Shown {
    registry: Registry,
    health: Health,
}

pub(super) fn build(registry: Registry, health: Health) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .fallback(|| async { (StatusCode::NOT_FOUND, HEADERS, PATHS) })
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, HEADERS, "only GET is answered here\n")
        })
        .with_state(Shown { registry, health })
}

async fn metrics(State(shown): State<Shown>) -> Response {
    match TextEncoder::new().encode_to_string(&shown.registry.gather()) {
        Ok(text) => (HEADERS, [(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::warn!(%error, "metrics could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, HEADERS, format!("metrics could not be written: {error}\n"))
                .into_response()
        }
    }
}

/// 200 while no critical part has ended. A chain or coordinator that is away is no reason to restart a relay.
async fn livez(State(shown): State<Shown>) -> Response {
    let HealthReport { live, mut reasons, .. } = shown.health.report();
    reasons.retain(|reason| reason.ended);
    (status(live), HEADERS, Json(json!({ "live": live, "reasons": reasons }))).into_response()
}

/// 200 when every part is fine.
async fn readyz(State(shown): State<Shown>) -> Response {
    let HealthReport { ready, reasons, remarks, .. } = shown.health.report();
    let mut answer = json!({ "ready": ready, "reasons": reasons });
    if !remarks.is_empty() {
        answer["remarks"] = json!(remarks);
    }
    (status(ready), HEADERS, Json(answer)).into_response()
}

const fn status(fine: bool) -> StatusCode {
    if fine { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
