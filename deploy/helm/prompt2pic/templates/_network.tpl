{{/* (root, name): the ports of a destination: those of networkPolicy, or of the address that is set. */}}
{{- define "prompt2pic.ports" -}}
{{- $v := .root.Values -}}
{{- $ports := (get $v.networkPolicy .name).ports -}}
{{- if not $ports -}}
{{-   $ports = list -}}
{{-   if eq .name "kafka" -}}
{{-     range splitList "," $v.kafka.brokers }}{{ $ports = append $ports (regexFind "[0-9]+$" (trim .) | int) }}{{ end -}}
{{-   else -}}
{{-     $url := urlParse $v.s3.endpoint -}}
{{-     $ports = list (regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) | int) -}}
{{-   end -}}
{{- end -}}
{{- range $port := uniq $ports }}
{{- range $protocol := ternary (list "UDP" "TCP") (list "TCP") (eq $.name "dns") }}
- {port: {{ $port }}, protocol: {{ $protocol }}}
{{- end }}
{{- end }}
{{- end -}}
