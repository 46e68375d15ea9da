//! The table's shape, for places where no template creates it: a laptop, a test, a development account.

use crate::{Store, StoreError};
use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType, TimeToLiveSpecification,
    },
};

impl Store {
    /// Creates the table as in `template.yaml`, if it isn't there. `Ok(true)` when it was made now.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] with the table's reason.
    pub async fn create_table(&self) -> Result<bool, StoreError> {
        let rejected = |error: &dyn std::fmt::Display| StoreError::Rejected(error.to_string());
        let attribute = |name: &str, kind: ScalarAttributeType| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
        };
        let key = |name: &str, kind: KeyType| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let index = |name: &str, hash: &str, range: &str| {
            GlobalSecondaryIndex::builder()
                .index_name(name)
                .key_schema(key(hash, KeyType::Hash).map_err(|e| rejected(&e))?)
                .key_schema(key(range, KeyType::Range).map_err(|e| rejected(&e))?)
                .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
                .build()
                .map_err(|e| rejected(&e))
        };
        let created = self
            .client
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("pk", ScalarAttributeType::S).map_err(|e| rejected(&e))?)
            .attribute_definitions(attribute("sk", ScalarAttributeType::S).map_err(|e| rejected(&e))?)
            .attribute_definitions(attribute("due_key", ScalarAttributeType::S).map_err(|e| rejected(&e))?)
            .attribute_definitions(attribute("due_at", ScalarAttributeType::N).map_err(|e| rejected(&e))?)
            .attribute_definitions(attribute("trail_actor", ScalarAttributeType::S).map_err(|e| rejected(&e))?)
            .attribute_definitions(attribute("trail_entity", ScalarAttributeType::S).map_err(|e| rejected(&e))?)
            .key_schema(key("pk", KeyType::Hash).map_err(|e| rejected(&e))?)
            .key_schema(key("sk", KeyType::Range).map_err(|e| rejected(&e))?)
            .global_secondary_indexes(index("due", "due_key", "due_at")?)
            .global_secondary_indexes(index("actor", "trail_actor", "sk")?)
            .global_secondary_indexes(index("entity", "trail_entity", "sk")?)
            .send()
            .await;
        match created {
            Ok(_) => {}
            Err(error) if error.code() == Some("ResourceInUseException") => return Ok(false),
            Err(error) => return Err(StoreError::Rejected(format!("{:?}", error.code()))),
        }
        let life = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires_at").build();
        self.client
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(life.map_err(|e| rejected(&e))?)
            .send()
            .await
            .map_err(|error| StoreError::Rejected(format!("{:?}", error.code())))?;
        Ok(true)
    }
}
