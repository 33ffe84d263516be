//! A connection to a Redis server. The client writes commands and reads answers; TCP and TLS are ours, so that the same
//! authorities are trusted as elsewhere.

use std::pin::{Pin, pin};

use futures::FutureExt as _;
use futures::future::Fuse;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::RedisServer;
use super::error::Problem;
use super::script::Script;
use crate::source::rocketmq::remoting::Cause;

/// Moves the bytes of a connection.
type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An open connection whose user is known to the server.
pub(super) struct RedisConnection {
    commands: MultiplexedConnection,
    /// It ends with the connection.
    driver: Fuse<Driver>,
}

impl RedisConnection {
    pub(super) async fn open(server: &RedisServer) -> Result<Self, Problem> {
        let address = server.url.address();
        let connected = TcpStream::connect(&address).await;
        let stream = connected.map_err(|error| {
            Problem::Unreachable(format!("can't connect to {address}: {error}"))
        })?;
        // Every command is short and waits for its answer.
        let _ = stream.set_nodelay(true);
        match &server.tls {
            None => Self::over(stream, server).await,
            Some(tls) => {
                let secured = tls.secure(stream, &address).await;
                let stream = secured.map_err(|cause| match cause {
                    Cause::Certificate(_) => Problem::Certificate(cause.to_string()),
                    _ => Problem::Unreachable(cause.to_string()),
                })?;
                Self::over(stream, server).await
            }
        }
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        server: &RedisServer,
    ) -> Result<Self, Problem> {
        let mut info = RedisConnectionInfo::default()
            .set_db(server.url.db.into())
            .set_skip_set_lib_name();
        if let Some(user) = &server.url.user {
            info = info.set_username(user);
        }
        match &server.password {
            Some(password) => info = info.set_password(password.expose_secret()),
            None if server.url.user.is_some() => info = info.set_password(""),
            None => {}
        }
        // Whoever makes a change limits the time.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let opened = MultiplexedConnection::new_with_config(&info, stream, config).await;
        let (commands, driver) = opened.map_err(|error| Problem::of(&error))?;
        let driver: Driver = Box::pin(driver);
        Ok(Self {
            commands,
            driver: driver.fuse(),
        })
    }

    /// Runs the script for a key. The server gets its text only if it does not have it yet.
    pub(super) async fn run(
        &mut self,
        script: &Script,
        key: &str,
        arguments: &[String],
    ) -> Result<Vec<String>, Problem> {
        match self
            .evaluate("EVALSHA", &script.hash, (key, arguments))
            .await
        {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                let answer = self.evaluate("EVAL", &script.text, (key, arguments)).await;
                answer.map_err(|error| Problem::of(&error))
            }
            answer => answer.map_err(|error| Problem::of(&error)),
        }
    }

    async fn evaluate(
        &mut self,
        name: &str,
        script: &str,
        (key, arguments): (&str, &[String]),
    ) -> Result<Vec<String>, RedisError> {
        let mut command = redis::cmd(name);
        command.arg(script).arg(1).arg(key).arg(arguments);
        let mut answer = pin!(command.query_async(&mut self.commands));
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            // The answer may have come with the end of the connection.
            () = &mut self.driver => answer.await,
        }
    }
}
