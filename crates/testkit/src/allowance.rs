//! How many manifests a registry still gives, where it counts them.

use entrepot_oci::ErrorCode;
use http::StatusCode;

use crate::{answer::CorrectResponse, request::Call, state::RegistryState};

/// The headers that tell the limit, after this request was counted, or the refusal if it is one too many.
pub(crate) fn allowance(
    state: &mut RegistryState,
    call: &Call,
) -> Result<Vec<(&'static str, String)>, CorrectResponse> {
    let Some(limit) = &mut state.capabilities.rate_limit else { return Ok(Vec::new()) };
    if call.method == http::Method::GET || (limit.puts && call.method == http::Method::PUT) {
        let Some(remaining) = limit.remaining.checked_sub(1) else {
            let message = "you have reached your pull rate limit";
            let refusal =
                CorrectResponse::error(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message);
            let wait = limit.retry_after.into_iter();
            return Err(wait.fold(refusal, |refusal, wait| refusal.with("retry-after", wait.to_string())));
        };
        limit.remaining = remaining;
    }
    Ok(vec![
        ("ratelimit-limit", format!("{};w={}", limit.limit, limit.window)),
        ("ratelimit-remaining", format!("{};w={}", limit.remaining, limit.window)),
        ("docker-ratelimit-source", "127.0.0.1".to_owned()),
    ])
}
