resource "cloudru_evolution_iam_service_account" "cluster" {
  name        = "${var.name}-cluster"
  description = "Managed Kubernetes"
  target      = { project_id = var.project_id }
}

data "cloudru_evolution_compute_zone_collection" "this" {
  project_id = var.project_id
}

locals {
  zone_ids = [for zone in data.cloudru_evolution_compute_zone_collection.this.zones : zone.id if zone.name == var.zone]
}

resource "cloudru_evolution_mk8s_cluster" "this" {
  name            = var.name
  project_id      = var.project_id
  release_channel = "RELEASE_CHANNEL_STABLE"
  identity_configuration = {
    cluster_sa_id = cloudru_evolution_iam_service_account.cluster.id
  }
  control_plane = {
    count   = 1
    version = var.kubernetes_version
    zones   = local.zone_ids
    machine_configuration = {
      flavor = { flavor_id = var.control_plane_flavor_id }
    }
  }
  network_configuration = {
    private_vip_subnet_id = cloudru_evolution_compute_subnet.this.id
    services_subnet_cidr  = "10.96.0.0/16"
    pods_subnet_cidr      = "10.112.0.0/16"
    # Cilium enforces the chart's NetworkPolicies.
    network_plugin = { cilium = { enabled = true } }
  }
  audit_service = { enabled = true }
}

locals {
  pools = {
    services = { flavor_id = var.service_flavor_id, min = 1, max = 3, label = "services" }
    workers  = { flavor_id = var.worker_flavor_id, min = var.workers.min, max = var.workers.max, label = "workers" }
  }
}

# Workers' nodes come and go with the queue: KEDA adds workers, and the autoscaler adds nodes for them.
resource "cloudru_evolution_mk8s_node_pool" "this" {
  for_each   = local.pools
  cluster_id = cloudru_evolution_mk8s_cluster.this.id
  name       = "${var.name}-${each.key}"
  version    = var.kubernetes_version
  scale_policy = {
    auto_scale = { min_count = each.value.min, max_count = each.value.max, initial_count = max(1, each.value.min) }
  }
  update_configuration = {
    strategy              = "NODE_POOL_UPDATE_STRATEGY_ROLLING_UPDATE"
    rolling_update_policy = { max_surge = 25, max_unavailable = 25 }
  }
  machine_configuration = {
    flavor = { flavor_id = each.value.flavor_id }
    disk   = { size = 64 }
  }
  network_configuration = { nodes_subnet_id = cloudru_evolution_compute_subnet.this.id }
  labels                = { labels = { "prompt2pic/pool" = each.value.label } }
  taints = each.key == "workers" ? {
    taints = [{ key = "prompt2pic/pool", value = "workers", effect = "EFFECT_NO_SCHEDULE" }]
  } : null
}
