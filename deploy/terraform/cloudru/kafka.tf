# Three brokers: a topic's three replicas, two of which must acknowledge, survive the loss of one.
resource "cloudru_evolution_kafka_cluster" "this" {
  name                                  = var.name
  project_id                            = var.project_id
  version_id                            = var.kafka_version_id
  specification_id                      = var.kafka_specification_id
  brokers                               = 3
  storage_gib                           = 40
  subnet_id                             = cloudru_evolution_compute_subnet.this.id
  ui_enabled                            = false
  cruise_control_enabled                = false
  cruise_control_rebalance_auto_enabled = false
  parameters                            = { "auto.create.topics.enable" = "false" }
}

locals {
  # As the services would create them; see docs/operations.md.
  topics = merge(
    { for model in var.models : "prompt2pic.requests.${model}" => { partitions = 32, days = 7 } },
    {
      "prompt2pic.events"       = { partitions = 4, days = 7 }
      "prompt2pic.control"      = { partitions = 1, days = 7 }
      "prompt2pic.models"       = { partitions = 1, days = 7 }
      "prompt2pic.dead-letters" = { partitions = 1, days = 30 }
    },
  )
}

resource "cloudru_evolution_kafka_topic" "this" {
  for_each           = local.topics
  cluster_id         = cloudru_evolution_kafka_cluster.this.id
  name               = each.key
  num_partitions     = each.value.partitions
  replication_factor = 3
  parameters = {
    "min.insync.replicas" = "2"
    "retention.ms"        = tostring(each.value.days * 24 * 3600 * 1000)
  }
}

resource "random_password" "kafka" {
  length  = 40
  special = false
}

resource "cloudru_evolution_kafka_user" "this" {
  cluster_id = cloudru_evolution_kafka_cluster.this.id
  name       = var.name
  password   = random_password.kafka.result
  roles      = { value = var.kafka_roles }
}
