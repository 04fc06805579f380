resource "cloudru_evolution_vpc_vpc" "this" {
  name        = var.name
  project_id  = var.project_id
  description = "Prompt2Pic"
}

resource "cloudru_evolution_compute_subnet" "this" {
  name            = var.name
  project_id      = var.project_id
  zone            = { name = var.zone }
  vpc_id          = cloudru_evolution_vpc_vpc.this.id
  subnet_address  = var.subnet
  default_gateway = cidrhost(var.subnet, 1)
  routed_network  = true
}

# Nodes have no public addresses: the bot reaches Telegram, and nodes their images, through the gateway.
resource "cloudru_evolution_compute_nat_gateway" "this" {
  name       = var.name
  project_id = var.project_id
  zone       = { name = var.zone }
  vpc_id     = cloudru_evolution_vpc_vpc.this.id
}
