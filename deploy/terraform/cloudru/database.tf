resource "cloudru_evolution_postgresql_cluster" "this" {
  count            = var.database == null ? 0 : 1
  name             = var.name
  project_id       = var.project_id
  version          = var.database.version
  specification_id = var.database.specification_id
  subnet_ids       = [cloudru_evolution_compute_subnet.this.id]
  initial_database = "prompt2pic"
  storage          = { pg_data_gb = var.database.gb }
  backup           = { schedule = "15 3 * * *", retention_policy_days = 14 }
  # No pooler: the bot's lock belongs to a session.
}

resource "random_password" "database" {
  length  = 40
  special = false
}

resource "cloudru_evolution_postgresql_user" "bot" {
  count      = var.database == null ? 0 : 1
  cluster_id = cloudru_evolution_postgresql_cluster.this[0].id
  name       = "prompt2pic"
  password   = random_password.database.result
}

resource "cloudru_evolution_postgresql_database" "bot" {
  count      = var.database == null ? 0 : 1
  cluster_id = cloudru_evolution_postgresql_cluster.this[0].id
  name       = "bot"
  owner      = cloudru_evolution_postgresql_user.bot[0].name
}
