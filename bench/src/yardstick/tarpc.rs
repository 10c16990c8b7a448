//! tarpc over TCP with bincode.

use std::net::SocketAddr;

use futures_util::StreamExt;
use tarpc::context;
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

use crate::rounds::share;
use crate::{PAYLOAD, Result};

/// The service, as tarpc's examples write one.
#[tarpc::service]
trait Echo {
    async fn echo(data: Vec<u8>) -> Vec<u8>;
}

#[derive(Clone)]
struct Service;

impl Echo for Service {
    async fn echo(self, _: context::Context, data: Vec<u8>) -> Vec<u8> {
        data
    }
}

/// Serves the echo in the background; gives its address.
pub(crate) async fn serve() -> Result<SocketAddr> {
    let listener = tcp::listen("127.0.0.1:0", Bincode::default).await?;
    let address = listener.local_addr();
    tokio::spawn(listener.for_each_concurrent(None, |transport| async {
        // A connection that breaks while it is taken is its client's loss.
        let Ok(transport) = transport else { return };
        let requests = BaseChannel::with_defaults(transport).execute(Service.serve());
        requests.for_each(|request| async { drop(tokio::spawn(request)) }).await;
    }));
    Ok(address)
}

/// A client whose calls are echoed.
#[derive(Clone)]
pub(crate) struct Tarpc {
    client: EchoClient,
    data: Vec<u8>,
}

impl Tarpc {
    pub(crate) async fn connect(server: SocketAddr) -> Result<Self> {
        let transport = tcp::connect(server, Bincode::default).await?;
        let client = EchoClient::new(tarpc::client::Config::default(), transport).spawn();
        Ok(Self { client, data: vec![7; PAYLOAD] })
    }

    /// Makes one call.
    pub(crate) async fn call(&self) -> Result<()> {
        let reply = self.client.echo(context::current(), self.data.clone()).await?;
        if reply == self.data { Ok(()) } else { Err("another echo".into()) }
    }

    /// Makes so many calls, so many of them in flight, a tokio task awaiting each.
    pub(crate) async fn run(&self, calls: usize, in_flight: usize) -> Result<()> {
        let one = |calls| {
            let tarpc = self.clone();
            async move {
                for _ in 0..calls {
                    tarpc.call().await?;
                }
                Ok(())
            }
        };
        share(calls, in_flight, one).await
    }
}
