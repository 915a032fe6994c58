//! What stands around the routes of a service, in the description of each of them.

use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Header, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
    Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::operations::operations;
use crate::problem::ProblemBody;

/// What the security scheme is called in the description.
const SCHEME: &str = "bearer";

/// What every operation behind authentication can be answered with instead of what it is for.
///
/// With a status, what it means, and the header that such an answer always has.
const PROBLEMS: [(&str, &str, Option<&str>); 6] = [
    ("400", "A header is malformed", None),
    ("401", "There is no key or token, or it is not accepted", Some("WWW-Authenticate")),
    ("403", "The role does not permit it, or a web page of another site asks", None),
    ("415", "A body is compressed in a way that is not known here", None),
    ("429", "Too many requests come from the same key or token", Some("Retry-After")),
    ("503", "It cannot be done just now: try again", Some("Retry-After")),
];

/// Describes operations as they are inside [`authenticate`](crate::auth::authenticate) and a
/// [`Service`](crate::Service): each asks for a key or a token, and can be answered with the
/// problems of what is around it. What an operation says of such a status itself stays.
///
/// Operations for everybody are merged in afterwards.
#[must_use]
pub fn guarded(mut openapi: OpenApi) -> OpenApi {
    let components = openapi.components.get_or_insert_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key, or a token (JWT) of the issuer that the service trusts"))
        .build();
    components.security_schemes.insert(SCHEME.to_owned(), SecurityScheme::Http(scheme).into());
    let mut schemas = Vec::new();
    ProblemBody::schemas(&mut schemas);
    schemas.push((ProblemBody::name().into_owned(), ProblemBody::schema()));
    components.schemas.extend(schemas);
    for (_, operation) in openapi.paths.paths.values_mut().flat_map(operations) {
        operation.parameters.iter_mut().flatten().for_each(without_null);
        let nobody: [&str; 0] = [];
        operation.security = Some(vec![SecurityRequirement::new(SCHEME, nobody)]);
        for (status, description, header) in PROBLEMS {
            let responses = &mut operation.responses.responses;
            let own = responses.entry(status.to_owned()).or_insert_with(|| problem(description));
            if let (RefOr::T(response), Some(name)) = (own, header) {
                response.headers.entry(name.to_owned()).or_insert_with(text);
            }
        }
    }
    openapi
}

/// A parameter or a header can be left out; that it is null cannot be said.
fn without_null(parameter: &mut RefOr<Parameter>) {
    if let RefOr::T(Parameter { schema: Some(RefOr::T(Schema::Object(object))), .. }) = parameter
        && let SchemaType::Array(types) = &mut object.schema_type
    {
        types.retain(|one| *one != Type::Null);
        if let [only] = &types[..] {
            object.schema_type = SchemaType::Type(only.clone());
        }
    }
}

fn problem(description: &str) -> RefOr<Response> {
    let body = Ref::from_schema_name(ProblemBody::name());
    let content = ContentBuilder::new().schema(Some(body)).build();
    let response = ResponseBuilder::new().description(description);
    response.content("application/problem+json", content).build().into()
}

fn text() -> RefOr<Header> {
    Header::new(ObjectBuilder::new().schema_type(Type::String)).into()
}
