//! TLS to the server of the database, as its URL asks for it.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::{ServerUrl, Trust};
use crate::failure::Failure;

const DOING: &str = "preparing the way to the database";

pub(super) fn connector(place: &ServerUrl) -> Result<MakeRustlsConnect, Failure> {
    let provider = Arc::new(ring::default_provider());
    let when = |err: Error| Failure::new(DOING, err);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(when)?;
    let known = match place.trust {
        Trust::Anybody => None,
        Trust::Authority | Trust::Host => Some(verifier(place, &provider)?),
    };
    let config = match known {
        Some(known) if place.trust == Trust::Host => builder.with_webpki_verifier(known),
        known => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyHost { known, provider })),
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

fn verifier(
    place: &ServerUrl,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Failure> {
    let mut roots = RootCertStore::empty();
    match &place.authorities {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let cannot = |err: &dyn std::fmt::Display| {
                let path = path.display();
                Failure::new(DOING, format!("cannot read sslrootcert {path}: {err}"))
            };
            let found = CertificateDer::pem_file_iter(path).map_err(|err| cannot(&err))?;
            for certificate in found {
                let certificate = certificate.map_err(|err| cannot(&err))?;
                roots.add(certificate).map_err(|err| cannot(&err))?;
            }
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(Failure::when(DOING))
}

/// Asks of the server, whatever its name is, that an authority has signed its certificate, if any are
/// known; and that it has the key of that.
#[derive(Debug)]
struct AnyHost {
    known: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(known) = &self.known else {
            return Ok(ServerCertVerified::assertion());
        };
        match known.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
