{{/*
The components as a YAML list. Templates loop over it, so that each resource is written once. A component has
  kind, name      bot, api, worker or demo; the suffix of its resources' names
  worker          the name of the entry of `workers`
  values          its values with the defaults
  http            serves on port 8080
  single          one replica with a volume of its own at /data
  secrets         the entries of `secrets` that it needs
  egress          the destinations of networkPolicy that it needs
  env             its environment, without secrets
*/}}
{{- define "prompt2pic.components" -}}
{{- $list := list -}}
{{- $v := .Values -}}
{{- $database := ne $v.secrets.databaseUrl.key "" -}}
{{- $kafka := ternary (list "kafkaPassword") list (hasPrefix "sasl" $v.kafka.securityProtocol) -}}
{{- $shared := list "dns" "kafka" "s3" -}}
{{- $queue := include "prompt2pic.queueEnv" . | fromYaml -}}
{{- $model := dict "P2P_MODEL" (include "prompt2pic.defaultModel" .) -}}
{{- $address := dict -}}
{{- if $v.ingress.enabled }}{{ $address = dict "P2P_PUBLIC_URL" (printf "%s://%s" (ternary "https" "http" $v.ingress.tls) $v.ingress.hostname) }}{{ end -}}
{{- if $v.demo.enabled -}}
{{-   $public := has "apiKeys" $v.demo.secrets -}}
{{-   $env := merge (dict "P2P_MODEL" (join "," $v.demo.models) "P2P_HTTP_LISTEN" (ternary "0.0.0.0:8080" "127.0.0.1:8080" $public)) $address -}}
{{-   $list = append $list (dict "kind" "demo" "single" true "http" $public "own" $v.demo "secrets" $v.demo.secrets "env" $env
        "egress" (ternary (list "dns" "telegram") list (has "telegramToken" $v.demo.secrets))) -}}
{{- else -}}
{{-   if $v.bot.enabled -}}
{{-     $env := merge (dict "P2P_TELEGRAM_WEBHOOK_URL" $v.telegram.webhookUrl "P2P_TELEGRAM_API_URL" $v.telegram.apiUrl) $queue $model -}}
{{-     if not $v.telegram.webhookUrl }}{{ $_ := set $env "P2P_HTTP_LISTEN" "" }}{{ end -}}
{{-     $list = append $list (dict "kind" "bot" "single" (not $database) "http" (ne $v.telegram.webhookUrl "") "own" $v.bot "env" $env
          "secrets" (concat (list "telegramToken" "telegramWebhookSecret" "telegramProxy" "databaseUrl" "botS3AccessKey" "botS3SecretKey") $kafka)
          "egress" (concat $shared (list "telegram") (ternary (list "postgresql") list $database))) -}}
{{-   end -}}
{{-   if $v.api.enabled -}}
{{-     $list = append $list (dict "kind" "api" "http" true "own" $v.api "env" (merge (dict) $queue $model $address)
          "secrets" (concat (list "apiKeys" "apiS3AccessKey" "apiS3SecretKey") $kafka) "egress" $shared) -}}
{{-   end -}}
{{-   range $v.workers -}}
{{-     $own := include "prompt2pic.merged" (list $v.worker .) | fromYaml -}}
{{-     $env := merge (dict "P2P_MODEL" (include "prompt2pic.models" $own) "P2P_HTTP_LISTEN" "") $queue -}}
{{-     $list = append $list (dict "kind" "worker" "name" (printf "worker-%s" .name) "worker" .name "own" $own "env" $env
          "secrets" (concat (list "workerS3AccessKey" "workerS3SecretKey") $kafka) "egress" (concat $shared (ternary (list "hub") list (ne (len $own.pull) 0)))) -}}
{{-   end -}}
{{- end -}}
{{- range $list -}}
{{-   $settings := include "prompt2pic.merged" (list $v.settings .own.settings) | fromYaml -}}
{{-   if has .kind (list "worker" "demo") }}{{ $settings = omit $settings "model" }}{{ end -}}
{{-   $_ := set . "name" (default .kind .name) -}}
{{-   $_ := set . "values" (include "prompt2pic.merged" (list $v.pod .own) | fromYaml) -}}
{{-   $_ := set . "env" (merge (include "prompt2pic.settingsEnv" $settings | fromYaml) .env (dict "P2P_LOG_FORMAT" "json")) -}}
{{-   $_ := unset . "own" -}}
{{- end -}}
{{- toYaml $list -}}
{{- end -}}

{{/* The pod of `helm test`: `prompt2pic doctor` with the configuration of the first component. */}}
{{- define "prompt2pic.doctor" -}}
{{- include "prompt2pic.validate" . -}}
{{- $c := include "prompt2pic.components" . | fromYamlArray | first -}}
{{- $_ := set $c.env "P2P_MODEL" "flat" -}}
{{- toYaml (merge (dict "kind" "doctor" "name" "doctor") (omit $c "single" "http" "worker")) -}}
{{- end -}}

{{/* Bot and API use the first model of the first worker unless settings.model is another. */}}
{{- define "prompt2pic.defaultModel" -}}
{{- with .Values.workers }}{{ include "prompt2pic.models" (first .) | splitList "," | first }}{{ else }}emoji{{ end -}}
{{- end -}}

{{- define "prompt2pic.models" -}}
{{- join "," (default (list .name) .models) -}}
{{- end -}}

{{- define "prompt2pic.queueEnv" -}}
{{- with .Values.kafka }}
P2P_KAFKA_BROKERS: {{ .brokers | quote }}
P2P_KAFKA_SECURITY_PROTOCOL: {{ .securityProtocol }}
{{- if hasPrefix "sasl" .securityProtocol }}
P2P_KAFKA_SASL_MECHANISM: {{ .saslMechanism | quote }}
P2P_KAFKA_USERNAME: {{ .username | quote }}
{{- end }}
{{- end }}
{{- with .Values.s3 }}
P2P_S3_ENDPOINT: {{ .endpoint | quote }}
P2P_S3_REGION: {{ .region | quote }}
P2P_S3_BUCKET: {{ .bucket | quote }}
P2P_S3_PUBLIC_ENDPOINT: {{ .publicEndpoint | quote }}
{{- end }}
{{- end -}}

{{/* YAML reads `on` and `off` as booleans, and large numbers as floats. */}}
{{- define "prompt2pic.settingsEnv" -}}
{{- range $name, $value := . }}
{{- if kindIs "bool" $value }}{{ $value = ternary "on" "off" $value }}{{ end }}
{{- if kindIs "float64" $value }}{{ $value = ternary (printf "%.0f" $value) (toString $value) (eq $value (floor $value)) }}{{ end }}
P2P_{{ upper $name }}: {{ toString $value | quote }}
{{- end }}
{{- end -}}
