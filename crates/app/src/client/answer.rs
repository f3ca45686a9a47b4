//! What comes back from a server: read as a whole, or as the fault that it is.

use entrepot_api::Problem;
use reqwest::Response;

use super::fault::Fault;

/// The largest response, in bytes. A page of 1,000 entries is far below.
const MAX_ANSWER: usize = 16 << 20;

/// What a server says that refuses something.
pub(super) async fn refusal(response: Response) -> Fault {
    let status = response.status();
    let problem: Option<Problem> =
        read(response).await.ok().and_then(|body| serde_json::from_slice(&body).ok());
    Fault::Refused { status, problem }
}

/// An answer as a whole.
pub(super) async fn read(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(Fault::of)? {
        if all.len() + bytes.len() > MAX_ANSWER {
            return Err(Fault::TooLong);
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}
