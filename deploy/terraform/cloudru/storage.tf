locals {
  bucket   = "${var.name}-pictures"
  services = toset(["bot", "api", "worker"])
}

# The provider's documentation does not say how a bucket's policy names a service account, so the statements are in bucket_policy: README.md has them.
resource "cloudru_evolution_obs_bucket" "pictures" {
  bucket = local.bucket
  policy = var.bucket_policy
  lifecycle_rules = [for prefix in ["images/", "inputs/"] : {
    name       = "expire-${trimsuffix(prefix, "/")}"
    enabled    = true
    expiration = { days = var.keep_days }
    filter     = { prefix = prefix }
  }]
}

# One service account for each service, so that its key can do only what the service needs.
resource "cloudru_evolution_iam_service_account" "storage" {
  for_each    = local.services
  name        = "${var.name}-${each.key}"
  description = "Pictures, for the ${each.key}"
  target      = { project_id = var.project_id }
}

resource "cloudru_evolution_iam_access_key" "storage" {
  for_each           = local.services
  service_account_id = cloudru_evolution_iam_service_account.storage[each.key].id
  description        = "Pictures, for the ${each.key}"
}

resource "cloudru_evolution_artifact_registry_registry" "images" {
  name          = var.name
  project_id    = var.project_id
  registry_type = "DOCKER"
  is_public     = false
}
