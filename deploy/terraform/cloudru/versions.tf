terraform {
  required_version = ">= 1.6"
  required_providers {
    cloudru = {
      source  = "cloud.ru/cloudru/cloud"
      version = "~> 2.1"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
  }
}

# The key of a service account: TF_VAR_auth_key_id and TF_VAR_auth_secret, never a file in the repository.
provider "cloudru" {
  project_id               = var.project_id
  auth_key_id              = var.auth_key_id
  auth_secret              = var.auth_secret
  region                   = var.region
  object_storage_tenant_id = var.object_storage_tenant_id
  endpoints                = var.endpoints
}
