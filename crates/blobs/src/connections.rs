//! The connections to the S3 service that are kept, given up together as soon as one of them turns out dead.
//!
//! The client's own retries would otherwise try them one by one, and a load balancer forgets more of them than there are
//! retries.

use std::sync::{Mutex, MutexGuard, PoisonError};

use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
        ReqwestConnector,
    },
};

/// Makes clients that do so.
#[derive(Debug)]
pub(crate) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        let current = Mutex::new(ConnectionGeneration { number: 0, client });
        Ok(HttpClient::new(Pool { options: options.clone(), current }))
    }
}

#[derive(Debug)]
struct Pool {
    options: ClientOptions,
    current: Mutex<ConnectionGeneration>,
}

/// The connections that were made since others were last given up.
#[derive(Clone, Debug)]
struct ConnectionGeneration {
    number: u64,
    client: HttpClient,
}

#[async_trait::async_trait]
impl HttpService for Pool {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let connections = self.lock().clone();
        let answer = connections.client.execute(request).await;
        if answer.as_ref().is_err_and(is_dead) {
            self.renew(connections.number);
        }
        answer
    }
}

impl Pool {
    // The caller decides whether the request may be sent again.
    fn renew(&self, number: u64) {
        let mut current = self.lock();
        // Another request may have done it already.
        if current.number == number {
            match ReqwestConnector::default().connect(&self.options) {
                Ok(client) => *current = ConnectionGeneration { number: number + 1, client },
                Err(error) => tracing::warn!(%error, "the S3 client could not be made anew"),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionGeneration> {
        // The value is replaced as a whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_dead(error: &HttpError) -> bool {
    matches!(error.kind(), HttpErrorKind::Interrupted | HttpErrorKind::Request)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use futures_util::future::join_all;
    use object_store::{ObjectStoreExt as _, path::Path};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        sync::Barrier,
    };

    use crate::settings::{Patience, S3Settings};

    const KEPT: usize = 12;

    // A connection from before the service forgot is reset at its next request.
    async fn serve(mut stream: TcpStream, forgotten: &AtomicUsize, all_there: &Barrier) -> io::Result<()> {
        let born = forgotten.load(Ordering::SeqCst);
        let mut head = Vec::new();
        while stream.read_buf(&mut head).await? > 0 {
            if !head.ends_with(b"\r\n\r\n") {
                continue;
            }
            head.clear();
            if born != forgotten.load(Ordering::SeqCst) {
                return stream.set_zero_linger();
            }
            if born == 0 {
                all_there.wait().await;
            }
            let answer = "HTTP/1.1 200 OK\r\netag: \"e\"\r\nlast-modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n\
                          content-length: 4\r\n\r\nblob";
            stream.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }

    // U27
    #[tokio::test]
    async fn connections_that_were_forgotten_cost_one_retry() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (forgotten, all_there) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(KEPT)));
        let seen = Arc::clone(&forgotten);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, all_there) = (Arc::clone(&seen), Arc::clone(&all_there));
                // Whoever leaves in the middle is none of the test's business.
                tokio::spawn(async move { serve(stream, &seen, &all_there).await });
            }
        });
        let settings = serde_json::json!({
            "bucket": "b", "endpoint": endpoint, "access_key": "a", "secret_key": "s"
        });
        let client =
            serde_json::from_value::<S3Settings>(settings).unwrap().client(Patience::READING).unwrap();
        let key = Path::from("blob");
        let get = async || client.get(&key).await.unwrap().bytes().await.unwrap();
        let all = join_all((0..KEPT).map(|_| get())).await;
        assert!(all.iter().all(|body| body == "blob"));
        forgotten.fetch_add(1, Ordering::SeqCst);
        assert_eq!(get().await, "blob");
    }
}
