{{/* Fails with all problems that the schema cannot express. */}}
{{- define "prompt2pic.validate" -}}
{{- $v := .Values -}}
{{- $problems := list -}}
{{- if not $v.demo.enabled -}}
{{-   range $value, $name := dict "kafka.brokers" $v.kafka.brokers "s3.endpoint" $v.s3.endpoint "s3.bucket" $v.s3.bucket -}}
{{-     if not $name }}{{ $problems = append $problems (printf "%s is not set" $value) }}{{ end -}}
{{-   end -}}
{{-   if and (hasPrefix "sasl" $v.kafka.securityProtocol) (not (and $v.kafka.saslMechanism $v.kafka.username)) -}}
{{-     $problems = append $problems (printf "kafka.securityProtocol is %s, so kafka.saslMechanism and kafka.username must be set" $v.kafka.securityProtocol) -}}
{{-   end -}}
{{-   if not (or $v.bot.enabled $v.api.enabled $v.workers) }}{{ $problems = append $problems "bot, api and workers are all disabled" }}{{ end -}}
{{-   $several := or $v.bot.autoscaling.enabled (gt (int $v.bot.replicaCount) 1) -}}
{{-   if and $v.bot.enabled $several (not (and $v.secrets.databaseUrl.key $v.telegram.webhookUrl)) -}}
{{-     $problems = append $problems "several replicas of the bot need secrets.databaseUrl.key (PostgreSQL) and telegram.webhookUrl" -}}
{{-   end -}}
{{-   $names := list -}}
{{-   range $v.workers -}}
{{-     if has .name $names }}{{ $problems = append $problems (printf "two entries of workers are named %s" .name) }}{{ end -}}
{{-     $names = append $names .name -}}
{{-     $worker := include "prompt2pic.merged" (list $v.worker .) | fromYaml -}}
{{-     if and $worker.autoscaling.enabled (not $v.keda.prometheusAddress) -}}
{{-       $problems = append $problems (printf "worker %s: autoscaling needs keda.prometheusAddress, such as http://prometheus-operated.monitoring.svc:9090" .name) -}}
{{-     end -}}
{{-   end -}}
{{- end -}}
{{- range $c := include "prompt2pic.components" . | fromYamlArray -}}
{{-   range $variable := $c.values.extraEnvVars -}}
{{-     range $name, $secret := $v.secrets -}}
{{-       if eq $variable.name (printf "P2P_%s" (include "prompt2pic.settingOf" $name | upper)) -}}
{{-         $problems = append $problems (printf "%s.extraEnvVars has the secret %s; name its key in secrets.%s" $c.kind $variable.name $name) -}}
{{-       end -}}
{{-     end -}}
{{-   end -}}
{{- end -}}
{{- if and $v.externalSecrets.enabled (not $v.externalSecrets.secretStoreRef.name) -}}
{{-   $problems = append $problems "externalSecrets.secretStoreRef.name is not set" -}}
{{- end -}}
{{- if and $v.podMonitor.enabled $v.serviceMonitor.enabled }}{{ $problems = append $problems "podMonitor and serviceMonitor would count every pod twice; enable one" }}{{ end -}}
{{- if $v.ingress.enabled -}}
{{-   if and (not $v.ingress.hostname) (or $v.api.enabled $v.demo.enabled) }}{{ $problems = append $problems "ingress.hostname is not set" }}{{ end -}}
{{-   if and $v.demo.enabled (not (has "apiKeys" $v.demo.secrets)) }}{{ $problems = append $problems "ingress needs keys: demo.secrets must have apiKeys" }}{{ end -}}
{{-   if not (or $v.demo.enabled $v.api.enabled (and $v.bot.enabled $v.telegram.webhookUrl)) }}{{ $problems = append $problems "ingress is enabled, and neither the API nor a webhook" }}{{ end -}}
{{- end -}}
{{- with $problems -}}
{{- fail (printf "\n\nThese values are missing or contradict each other (README.md):\n  - %s\nTo try everything in one pod, without Kafka and S3: --set demo.enabled=true\n" (join "\n  - " .)) -}}
{{- end -}}
{{- end -}}
