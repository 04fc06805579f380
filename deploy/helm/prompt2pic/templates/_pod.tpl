{{/* (root, c): the specification of every pod of the chart. */}}
{{- define "prompt2pic.podSpec" -}}
{{- $root := .root -}}
{{- $c := .c -}}
{{- $v := $c.values -}}
{{- $files := include "prompt2pic.files" (dict "root" $root "names" $c.secrets "authorities" (ne $c.kind "demo")) | fromYaml -}}
{{- $env := merge (include "prompt2pic.filesEnv" $files | fromYaml) $c.env -}}
{{- $pull := ternary ($v.pull | default list) list (eq $c.kind "worker") -}}
{{- $hub := include "prompt2pic.files" (dict "root" $root "names" (list "hubToken" "hubProxy")) | fromYaml -}}
{{- $models := include "prompt2pic.modelVolume" . | fromYaml -}}
{{- if $models }}{{ $env = merge (dict "P2P_MODELS_DIR" "/models") $env }}{{ end -}}
serviceAccountName: {{ include "prompt2pic.serviceAccountName" $root }}
automountServiceAccountToken: false
enableServiceLinks: false  # their variables could look like settings
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  runAsGroup: 65534
  fsGroup: 65534
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
terminationGracePeriodSeconds: {{ $v.terminationGracePeriodSeconds }}
{{- with $v.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- range $key := list "nodeSelector" "affinity" "tolerations" }}
{{- with get $v $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- if eq $c.kind "doctor" }}
restartPolicy: Never
{{- else if $v.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $v.topologySpreadConstraints | nindent 2 }}
{{- else }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "prompt2pic.selectorLabels" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- with $pull }}
initContainers:
  {{- range $i, $model := . }}
  - name: pull-{{ $i }}
    args: {{ include "prompt2pic.pullArguments" $model }}
    {{- include "prompt2pic.container" $ | nindent 4 }}
    env:
      {{- include "prompt2pic.env" (merge (dict "P2P_MODELS_DIR" "/models") (include "prompt2pic.filesEnv" $hub | fromYaml) $c.env) | trim | nindent 6 }}
    volumeMounts:
      - {name: models, mountPath: /models}
      {{- if $hub }}
      - {name: hub-files, mountPath: /run/prompt2pic, readOnly: true}
      {{- end }}
      {{- with $v.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- end }}
{{- end }}
containers:
  - name: {{ $c.kind }}
    args: [{{ $c.kind }}]
    {{- include "prompt2pic.container" . | nindent 4 }}
    env:
      {{- include "prompt2pic.env" $env | trim | nindent 6 }}
      {{- if and (has $c.kind (list "worker" "demo")) (not (hasKey $env "P2P_THREADS")) }}
      - name: P2P_THREADS
        valueFrom: {resourceFieldRef: {resource: requests.cpu}}
      {{- end }}
      {{- with $v.extraEnvVars }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- if ne $c.kind "doctor" }}
    ports:
      {{- if $c.http }}
      - {name: http, containerPort: 8080}
      {{- end }}
      - {name: health, containerPort: 9080}
    {{- range $probe, $path := dict "startupProbe" "/livez" "livenessProbe" "/livez" "readinessProbe" "/readyz" }}
    {{ $probe }}:
      httpGet: {path: {{ $path }}, port: health}
      {{- toYaml (get $v $probe) | nindent 6 }}
    {{- end }}
    {{- if $c.http }}
    lifecycle: {preStop: {sleep: {seconds: 5}}}  # until no new call is sent here
    {{- end }}
    {{- end }}
    volumeMounts:
      {{- include "prompt2pic.mounts" (dict "files" $files "models" $models "data" (or $c.single (eq $c.kind "doctor")) "extra" $v.extraVolumeMounts) | trim | nindent 6 }}
volumes:
  {{- if $files }}
  - name: files
    {{- include "prompt2pic.filesVolume" $files | nindent 4 }}
  {{- end }}
  {{- if and $pull $hub }}
  - name: hub-files
    {{- include "prompt2pic.filesVolume" $hub | nindent 4 }}
  {{- end }}
  {{- with $models }}
  - name: models
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $c.single }}
  - name: data
    persistentVolumeClaim: {claimName: {{ $v.persistence.existingClaim | default (printf "%s-%s" (include "prompt2pic.fullname" $root) $c.name) }}}
  {{- else if eq $c.kind "doctor" }}
  - name: data
    emptyDir: {sizeLimit: 64Mi}
  {{- end }}
  {{- with $v.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What all containers have in common. */}}
{{- define "prompt2pic.container" -}}
image: {{ include "prompt2pic.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml .c.values.resources | nindent 2 }}
{{- end -}}

{{/* An empty P2P_HTTP_LISTEN turns the listener of the image off. */}}
{{- define "prompt2pic.env" -}}
{{- range $name, $value := . }}
{{- if or $value (eq $name "P2P_HTTP_LISTEN") }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}
{{- end -}}

{{- define "prompt2pic.mounts" -}}
{{- if .files }}
- {name: files, mountPath: /run/prompt2pic, readOnly: true}
{{- end }}
{{- if .models }}
- {name: models, mountPath: /models, readOnly: true}
{{- end }}
{{- if .data }}
- {name: data, mountPath: /data}
{{- end }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (root, c): the source of the volume with models; empty if a component has none. */}}
{{- define "prompt2pic.modelVolume" -}}
{{- if eq .c.kind "worker" -}}
{{- with .c.values.modelVolume -}}
{{- $created := ternary (printf "%s-%s-models" (include "prompt2pic.fullname" $.root) $.c.name) "" (ne .size "") -}}
{{- if or .existingClaim $created -}}
persistentVolumeClaim: {claimName: {{ .existingClaim | default $created }}}
{{- else if .volume -}}
{{- toYaml .volume -}}
{{- else if $.c.values.pull -}}
emptyDir: {}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "prompt2pic.pullArguments" -}}
{{- $words := list "pull" .model -}}
{{- range $key := list "name" "revision" "variant" -}}
{{- with get $ $key }}{{ $words = concat $words (list (printf "--%s" $key) .) }}{{ end -}}
{{- end -}}
{{- if .safetyChecker }}{{ $words = append $words "--safety-checker" }}{{ end -}}
{{- toJson $words -}}
{{- end -}}
