//! What the service says about itself, and whether it is so.

use serde_json::Value;

use crate::client::Answer;

/// The description, to check answers with.
#[derive(Debug)]
pub(crate) struct Description(Value);

/// What can be done, by its method and the pattern of its path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
}

impl Operation {
    pub(super) fn is_read(&self) -> bool {
        self.method == "GET"
    }

    pub(super) fn is_for_operators(&self) -> bool {
        self.path.starts_with("/admin")
    }

    fn is_at(&self, method: &str, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        let (mut own, mut asked) = (self.path.split('/'), path.split('/'));
        let is_same = |(own, asked): (&str, &str)| own.starts_with('{') || own == asked;
        self.method == method
            && own.clone().count() == asked.clone().count()
            && own.by_ref().zip(asked.by_ref()).all(is_same)
    }
}

impl Description {
    pub(crate) fn new(openapi: Value) -> Self {
        Self(openapi)
    }

    /// All operations that only those may use who show who they are.
    pub(super) fn guarded(&self) -> Vec<Operation> {
        let is_guarded = |it: &Operation| self.operation(it)["security"].is_array();
        self.operations().into_iter().filter(is_guarded).collect()
    }

    pub(super) fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, methods) in self.0["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys();
            operations.extend(
                methods.map(|name| Operation { method: name.to_uppercase(), path: path.clone() }),
            );
        }
        operations
    }

    /// Every status that an operation is said to be answered with.
    pub(super) fn statuses(&self, operation: &Operation) -> Vec<u16> {
        let responses = self.operation(operation)["responses"].as_object().unwrap();
        responses.keys().map(|status| status.parse().unwrap()).collect()
    }

    fn operation(&self, operation: &Operation) -> &Value {
        &self.0["paths"][&operation.path][operation.method.to_lowercase()]
    }

    /// The operation that a request is for, if it is for any, after checking that this answer to
    /// it is described: its status, its content type, and its shape.
    pub(super) fn witness(
        &self,
        method: &str,
        path: &str,
        answer: &Answer,
    ) -> Result<Option<Operation>, String> {
        let mut found: Vec<_> =
            self.operations().into_iter().filter(|it| it.is_at(method, path)).collect();
        // A fixed part of a path is meant before a variable one.
        found.sort_by_key(|it| it.path.matches('{').count());
        let Some(operation) = found.into_iter().next() else { return Ok(None) };
        let response = &self.operation(&operation)["responses"][answer.status.to_string()];
        if !response.is_object() {
            return Err(format!("{operation:?} is not described to answer {}", answer.status));
        }
        let Some(content) = response["content"].as_object() else {
            return match answer.body.is_empty() {
                true => Ok(Some(operation)),
                false => Err(format!("{operation:?} is described without a body")),
            };
        };
        let kind = answer.header("content-type");
        let content = content.get(kind).ok_or(format!("{operation:?}: {kind} is not described"))?;
        if kind.ends_with("json") {
            let body = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
            self.fits(&content["schema"], &body).map_err(|why| format!("{operation:?}: {why}"))?;
        }
        for name in response["headers"].as_object().into_iter().flat_map(|it| it.keys()) {
            if !answer.headers.contains_key(name.as_str()) {
                return Err(format!("{operation:?}: {name} is missing"));
            }
        }
        Ok(Some(operation))
    }

    /// Whether an answer has the shape that is described for it, no field more and none less.
    #[track_caller]
    pub(crate) fn check(&self, path: &str, method: &str, status: &str, answer: &Value) {
        let content = &self.0["paths"][path][method]["responses"][status]["content"];
        let (_, content) = content.as_object().unwrap().iter().next().unwrap();
        self.fits(&content["schema"], answer)
            .unwrap_or_else(|why| panic!("{method} {path}: {why} in {answer}"));
    }

    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            let schema = &self.0["components"]["schemas"][name];
            assert!(schema.is_object(), "{name} is not described");
            return self.fits(schema, value);
        }
        if let Some(one_of) = schema["oneOf"].as_array() {
            let fitting = one_of.iter().filter(|one| self.fits(one, value).is_ok()).count();
            return if fitting == 1 { Ok(()) } else { Err(format!("{value} fits {fitting}")) };
        }
        if let Some(names) = schema["enum"].as_array() {
            return if names.contains(value) { Ok(()) } else { Err(format!("{value} is new")) };
        }
        let types = match &schema["type"] {
            Value::String(name) => vec![name.as_str()],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            // Anything.
            _ => return Ok(()),
        };
        let is_of = |name: &str| match name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("the type {other} is not known"),
        };
        if !types.into_iter().any(is_of) {
            return Err(format!("{value} is no {}", schema["type"]));
        }
        for item in value.as_array().into_iter().flatten() {
            self.fits(&schema["items"], item)?;
        }
        let (Some(fields), Some(object)) = (schema["properties"].as_object(), value.as_object())
        else {
            return Ok(());
        };
        for (name, value) in object {
            let field = fields.get(name).ok_or_else(|| format!("{name} is not described"))?;
            self.fits(field, value).map_err(|why| format!("{name}: {why}"))?;
        }
        let required = schema["required"].as_array().into_iter().flatten();
        match required.filter_map(Value::as_str).find(|name| !object.contains_key(*name)) {
            Some(missing) => Err(format!("{missing} is missing")),
            None => Ok(()),
        }
    }
}
