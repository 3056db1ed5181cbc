//! A stand-in for what is public in the network: templates that arrived.

use krog_proto::federation::v1 as proto;
use krog_proto::federation::v1::library_client::LibraryClient;
use krog_proto::federation::v1::library_server::{Library, LibraryServer};
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

/// Documents that arrived.
pub struct FakeLibrary(pub Vec<Vec<u8>>);

impl FakeLibrary {
    /// A client over a pipe in memory.
    pub async fn client(self) -> LibraryClient<Channel> {
        let router = Server::builder().add_service(LibraryServer::new(self));
        LibraryClient::new(super::house::pipe(router).await)
    }
}

#[tonic::async_trait]
impl Library for FakeLibrary {
    async fn describe(
        &self,
        _request: Request<proto::DescribeRequest>,
    ) -> Result<Response<proto::DescribeResponse>, Status> {
        Ok(Response::new(proto::DescribeResponse::default()))
    }

    async fn compare(
        &self,
        _request: Request<proto::CompareRequest>,
    ) -> Result<Response<proto::CompareResponse>, Status> {
        Err(Status::unimplemented("not part of this stand-in"))
    }

    async fn list_templates(
        &self,
        _request: Request<proto::ListTemplatesRequest>,
    ) -> Result<Response<proto::ListTemplatesResponse>, Status> {
        let published = |document: &Vec<u8>| proto::PublishedTemplate {
            node: vec![1; 32],
            // What is said about a document is not believed; its bytes are.
            version: vec![0; 32],
            document: document.clone(),
        };
        Ok(Response::new(proto::ListTemplatesResponse {
            templates: self.0.iter().map(published).collect(),
        }))
    }

    async fn list_rounds(
        &self,
        _request: Request<proto::ListRoundsRequest>,
    ) -> Result<Response<proto::ListRoundsResponse>, Status> {
        Err(Status::unimplemented("not part of this stand-in"))
    }
}
