//! One running function.

use crate::{
    LIMIT,
    runtime_api::{Came, RuntimeApi},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::Read,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// A function's process and the API that it asks for events. The process is killed when this is dropped, and what it
/// wrote is shown if a test has failed then.
pub struct Process {
    name: String,
    child: Child,
    api: RuntimeApi,
    /// How long one invocation may take.
    time: Duration,
    /// Both streams, in the order they were written, once they are closed.
    output: watch::Receiver<Option<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
        // Both streams are closed now.
        drop(self.reader.take().map(JoinHandle::join));
        if thread::panicking() {
            eprintln!("{} wrote:\n{}", self.name, self.output.borrow().as_deref().unwrap_or_default());
        }
    }
}

impl Process {
    /// Starts `binary` with these variables and no others.
    ///
    /// # Panics
    /// When it can't be started.
    pub async fn start(name: &str, binary: &Path, variables: &BTreeMap<String, String>, time: Duration) -> Self {
        let api = RuntimeApi::start().await.expect("a loopback port can be had");
        let (mut reader, writer) = std::io::pipe().expect("a pipe can be had");
        let both = writer.try_clone().expect("a pipe has room for two streams");
        let mut command = Command::new(binary);
        command.env_clear().envs(variables).env("AWS_LAMBDA_RUNTIME_API", &api.address);
        command.stdin(Stdio::null()).stdout(both).stderr(writer);
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        // It holds our ends of the pipe, which would never close.
        drop(command);
        let (told, output) = watch::channel(None);
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = reader.read_to_end(&mut bytes);
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            if let Err(error) = read {
                text.push_str(&format!("\n(the rest can't be read: {error})"));
            }
            drop(told.send(Some(text)));
        });
        Self { name: name.to_owned(), child, api, time, output, reader: Some(reader) }
    }

    /// One event and its answer.
    ///
    /// # Panics
    /// When the function reports an error, ends, or doesn't answer in time.
    pub async fn invoke(&mut self, event: &Value) -> Value {
        let id = self.api.hand_out(&self.name, event, self.time);
        let mut ended = self.output.clone();
        let came = timeout(LIMIT, async {
            tokio::select! {
                came = self.api.came() => came,
                _ = ended.wait_for(Option::is_some) => None,
            }
        });
        match came.await {
            Ok(Some(Came::Response { id: answered, body })) if answered == id => body,
            other => panic!("{} did not answer {id} but: {other:?}", self.name),
        }
    }

    /// Waits until the process ends by itself. Answers how, what it wrote, and what it told the API.
    ///
    /// # Panics
    /// When it goes on running.
    pub async fn ended(mut self) -> (ExitStatus, String, Vec<Came>) {
        let mut ended = self.output.clone();
        assert!(timeout(LIMIT, ended.wait_for(Option::is_some)).await.is_ok(), "{} goes on running", self.name);
        let output = self.stop().await;
        let status = self.child.wait().expect("an ended process has a status");
        let mut came = Vec::new();
        while let Ok(Some(more)) = timeout(Duration::ZERO, self.api.came()).await {
            came.push(more);
        }
        (status, output, came)
    }

    /// Ends the process and answers what it has written.
    ///
    /// # Panics
    /// When something else holds its streams open.
    pub async fn stop(&mut self) -> String {
        if self.output.borrow().is_none() {
            drop(self.child.kill());
        }
        let output = timeout(LIMIT, self.output.wait_for(Option::is_some)).await;
        output.expect("a killed process closes its streams").expect("its reader lives").clone().unwrap_or_default()
    }
}
