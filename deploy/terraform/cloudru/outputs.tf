output "kafka_brokers" {
  value = cloudru_evolution_kafka_cluster.this.kafka_hosts
}

output "bucket" {
  value = local.bucket
}

output "postgresql" {
  value     = one(cloudru_evolution_postgresql_cluster.this[*].connection_string)
  sensitive = true
}

# For `kubectl create secret`: tofu output -json secrets
output "secrets" {
  sensitive = true
  value = {
    kafka_password    = random_password.kafka.result
    database_password = random_password.database.result
    s3 = { for service, key in cloudru_evolution_iam_access_key.storage : service => {
      access_key = "${var.object_storage_tenant_id}:${key.key_id}"
      secret_key = key.secret
    } }
  }
}

# What the variables with ids take.

data "cloudru_evolution_compute_flavor_collection" "all" {
  project_id = var.project_id
}

data "cloudru_evolution_kafka_version_collection" "all" {
  product_type = "kafka"
}

data "cloudru_evolution_kafka_specification_collection" "all" {
  version_id = var.kafka_version_id
}

data "cloudru_evolution_kafka_role_collection" "all" {
  cluster_id = cloudru_evolution_kafka_cluster.this.id
}

output "flavors" {
  value = data.cloudru_evolution_compute_flavor_collection.all.flavors
}

output "kafka_versions" {
  value = data.cloudru_evolution_kafka_version_collection.all.versions
}

output "kafka_specifications" {
  value = data.cloudru_evolution_kafka_specification_collection.all.specifications
}

output "kafka_roles" {
  value = data.cloudru_evolution_kafka_role_collection.all.roles
}
