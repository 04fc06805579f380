{{/*
(root, names, authorities): the files of a component as YAML: setting -> {path, source}. They are the secrets `names` that are in use and, with
`authorities`, the certificates of private CAs. A setting is named by its entry: botS3SecretKey is P2P_S3_SECRET_KEY_FILE.
*/}}
{{- define "prompt2pic.files" -}}
{{- $v := .root.Values -}}
{{- $files := dict -}}
{{- range .names -}}
{{-   $secret := get $v.secrets . -}}
{{-   if $secret.key -}}
{{-     $setting := include "prompt2pic.settingOf" . -}}
{{-     $name := default (include "prompt2pic.secretName" $.root) $secret.existingSecret -}}
{{-     $_ := set $files (printf "%s_file" $setting) (dict "secret" (dict "name" $name "items" (list (dict "key" $secret.key "path" $setting)))) -}}
{{-   end -}}
{{- end -}}
{{- if .authorities -}}
{{-   range $prefix := list "kafka" "s3" -}}
{{-     $ca := (get $v $prefix).ca -}}
{{-     $setting := printf "%s_ca_file" $prefix -}}
{{-     $items := list (dict "key" $ca.key "path" $setting) -}}
{{-     if $ca.secret }}{{ $_ := set $files $setting (dict "secret" (dict "name" $ca.secret "items" $items)) }}{{ end -}}
{{-     if $ca.configMap }}{{ $_ := set $files $setting (dict "configMap" (dict "name" $ca.configMap "items" $items)) }}{{ end -}}
{{-   end -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}

{{/* The setting of an entry of `secrets`: botS3SecretKey is s3_secret_key. */}}
{{- define "prompt2pic.settingOf" -}}
{{- . | trimPrefix "bot" | trimPrefix "worker" | replace "apiS3" "S3" | snakecase -}}
{{- end -}}

{{- define "prompt2pic.secretName" -}}
{{- default (include "prompt2pic.fullname" .) .Values.existingSecret -}}
{{- end -}}

{{/* The variables that name the files of a container, mounted at /run/prompt2pic. */}}
{{- define "prompt2pic.filesEnv" -}}
{{- range $setting, $source := . }}
P2P_{{ upper $setting }}: /run/prompt2pic/{{ (first (($source.secret | default $source.configMap).items)).path }}
{{- end }}
{{- end -}}

{{- define "prompt2pic.filesVolume" -}}
projected:
  defaultMode: 0440
  sources:
    {{- range $setting, $source := . }}
    - {{- toYaml $source | nindent 6 }}
    {{- end }}
{{- end -}}
