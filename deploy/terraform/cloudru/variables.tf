variable "project_id" {
  type        = string
  description = "Id of the project, from the console."
}

variable "auth_key_id" {
  type        = string
  sensitive   = true
  description = "Key id of the service account that Terraform uses."
}

variable "auth_secret" {
  type        = string
  sensitive   = true
  description = "Secret of that key."
}

variable "object_storage_tenant_id" {
  type        = string
  description = "Tenant id of Object Storage, from its page in the console. The access key of the services is TENANT_ID:KEY_ID."
}

variable "region" {
  type    = string
  default = "ru-central-1"
}

variable "endpoints" {
  type        = map(string)
  description = "Addresses of the services' APIs."
  default = {
    iam_endpoint               = "iam.api.cloud.ru:443"
    compute_endpoint           = "compute.api.cloud.ru:443"
    mk8s_endpoint              = "mk8s.api.cloud.ru:443"
    vpc_endpoint               = "vpc.api.cloud.ru:443"
    kafka_endpoint             = "kafka.api.cloud.ru:443"
    artifact_registry_endpoint = "ar.api.cloud.ru:443"
    object_storage_endpoint    = "https://s3.cloud.ru"
  }
}

variable "name" {
  type        = string
  default     = "prompt2pic"
  description = "Prefix of the names of everything that is created. The bucket's name must be unique in the region."
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,30}$", var.name))
    error_message = "Three to 31 of a-z, 0-9 and '-', beginning with a letter."
  }
}

variable "zone" {
  type        = string
  default     = "ru.AZ-1"
  description = "Name of the availability zone."
}

variable "subnet" {
  type        = string
  default     = "10.20.0.0/20"
  description = "Addresses of nodes, brokers and the database."
}

variable "kubernetes_version" {
  type    = string
  default = "v1.34.1"
}

variable "control_plane_flavor_id" {
  type        = string
  description = "Flavor of the control plane's machines; `tofu output flavors` lists them."
}

variable "service_flavor_id" {
  type        = string
  description = "Flavor of the nodes for bot and API: 2 processors and 4 GB suffice."
}

variable "worker_flavor_id" {
  type        = string
  description = "Flavor of the nodes for workers. One worker takes a whole node; see docs/cloudru.md for what a picture costs."
}

variable "workers" {
  type        = object({ min = number, max = number })
  default     = { min = 0, max = 4 }
  description = "Bounds of the autoscaled pool of workers' nodes."
}

variable "kafka_version_id" {
  type        = string
  description = "Version of Managed Kafka, 3.9 or newer; `tofu output kafka_versions` lists them."
}

variable "kafka_specification_id" {
  type        = string
  description = "Size of a broker; `tofu output kafka_specifications` lists them."
}

variable "kafka_roles" {
  type        = list(string)
  description = "Roles of the services' user in Managed Kafka: those that read, write and describe topics and use groups, no role that administers the cluster. `tofu output kafka_roles` lists them."
}

variable "models" {
  type        = set(string)
  default     = ["emoji"]
  description = "Models that workers serve: each has a topic."
}

variable "bucket_policy" {
  type        = string
  default     = null
  description = "The bucket's policy as JSON; null: only the roles of the service accounts count."
}

variable "keep_days" {
  type        = number
  default     = 30
  description = "Pictures are deleted after so many days."
}

variable "database" {
  type        = object({ specification_id = string, version = optional(string, "17"), gb = optional(number, 20) })
  default     = null
  description = "PostgreSQL for several bots; null: none, one bot with a volume."
}
