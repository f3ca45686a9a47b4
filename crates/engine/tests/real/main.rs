//! The same verbs, against a real engine: `e2e/library.sh` starts engines and runs this with
//!
//! - `ENTREPOT_TEST_ENGINE`: the address of the engine; without it nothing is tested
//! - `ENTREPOT_TEST_IMAGE`: `HOST:PORT/lab/busybox:1.35` of the images that `e2e/make-images.py` builds; `lab/large:v1` is beside it
//! - `ENTREPOT_TEST_CDI`: set where the engine knows the devices `nvidia.com/gpu=GPU-1` and `GPU-2`
//! - `ENTREPOT_TEST_DENIED`, `_FAILING`, `_PLATFORM`: registries that refuse (`e2e/lib/refusing.py`)
//! - `ENTREPOT_TEST_HOOK`: where the hook of NVIDIA's driver writes which devices it should give, for Docker
//! - `ENTREPOT_TEST_DIRECTORY`: a directory of the engine's machine with a file `libvgpu.so`
//! - `ENTREPOT_TEST_VICTIM`, `_SLOW`: the process of the engine, which is killed, and a registry that never ends
//! - `ENTREPOT_TEST_CERTIFICATES`: a directory with `ca.pem`, `cert.pem`, `key.pem`, and `other-cert.pem`, `other-key.pem` of an authority that
//!   the engine does not know, if it is reached by TLS

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

mod death;
mod life;
mod output;
mod pulls;
mod setting;
mod trust;
