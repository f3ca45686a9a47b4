//! What comes back from a server: read as a whole, or as the fault that it is.

use entrepot_api::Problem;
use reqwest::Response;

use super::fault::ApiError;

/// The largest response, in bytes. A page of 1,000 entries is far below.
const MAX_ANSWER: usize = 16 << 20;

/// What a server says that refuses something.
pub(super) async fn refusal(response: Response) -> ApiError {
    let status = response.status();
    let problem: Option<Problem> =
        read(response).await.ok().and_then(|body| serde_json::from_slice(&body).ok());
    ApiError::Refused { status, problem }
}

/// An answer as a whole.
pub(super) async fn read(mut response: Response) -> Result<Vec<u8>, ApiError> {
    let mut all = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(ApiError::of)? {
        if all.len() + bytes.len() > MAX_ANSWER {
            return Err(ApiError::TooLong);
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}
