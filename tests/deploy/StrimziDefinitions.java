import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.CustomResource;
import io.strimzi.api.kafka.model.topic.KafkaTopic;
import io.strimzi.api.kafka.model.user.KafkaUser;
import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Writes the CustomResourceDefinitions of KafkaTopic and KafkaUser, made of Strimzi's classes, into a folder. Limits of numbers are not in the classes. */
public class StrimziDefinitions {
  static final ObjectMapper yaml = new ObjectMapper(new YAMLFactory());

  public static void main(String[] arguments) throws Exception {
    for (Class<? extends CustomResource<?, ?>> type : List.of(KafkaTopic.class, KafkaUser.class)) {
      String name = HasMetadata.getPlural(type) + "." + HasMetadata.getGroup(type);
      Map<String, Object> schema = schema(yaml.constructType(type));
      ((Map<?, ?>) schema.get("properties")).keySet().retainAll(List.of("apiVersion", "kind", "spec", "status"));
      Map<String, Object> version = Map.of("name", HasMetadata.getVersion(type), "served", true, "storage", true, "schema", Map.of("openAPIV3Schema", schema),
          "subresources", Map.of("status", Map.of()));
      Map<String, Object> names = Map.of("kind", HasMetadata.getKind(type), "plural", HasMetadata.getPlural(type), "singular", HasMetadata.getSingular(type));
      Map<String, Object> spec = Map.of("group", HasMetadata.getGroup(type), "scope", "Namespaced", "names", names, "versions", List.of(version));
      yaml.writeValue(new File(arguments[0], name + ".yaml"),
          Map.of("apiVersion", "apiextensions.k8s.io/v1", "kind", "CustomResourceDefinition", "metadata", Map.of("name", name), "spec", spec));
    }
  }

  static Map<String, Object> schema(JavaType type) {
    Class<?> raw = type.getRawClass();
    if (type.isMapLikeType()) return object("type", "object", "x-kubernetes-preserve-unknown-fields", true);
    if (type.isCollectionLikeType()) return object("type", "array", "items", schema(type.getContentType()));
    if (raw == String.class) return object("type", "string");
    if (type.isEnumType()) return object("type", "string", "enum", yaml.convertValue(raw.getEnumConstants(), List.class));
    if (raw == Boolean.class || raw == boolean.class) return object("type", "boolean");
    if (raw == Double.class || raw == double.class) return object("type", "number");
    if (Number.class.isAssignableFrom(raw) || type.isPrimitive()) return object("type", "integer");
    Map<String, Object> properties = new TreeMap<>();
    List<String> required = new ArrayList<>();
    for (BeanPropertyDefinition property : properties(type)) {
      properties.put(property.getName(), schema(property.getPrimaryType()));
      if (property.isRequired()) required.add(property.getName());
    }
    // As in Strimzi's own definitions: the properties of all subtypes, and the name of one as discriminator.
    JsonSubTypes subtypes = raw.getAnnotation(JsonSubTypes.class);
    if (subtypes != null) {
      List<String> names = new ArrayList<>();
      for (JsonSubTypes.Type subtype : subtypes.value()) {
        names.add(subtype.name());
        for (BeanPropertyDefinition property : properties(yaml.constructType(subtype.value())))
          properties.putIfAbsent(property.getName(), schema(property.getPrimaryType()));
      }
      String discriminator = raw.getAnnotation(JsonTypeInfo.class).property();
      properties.put(discriminator, object("type", "string", "enum", names));
      required.add(discriminator);
    }
    Map<String, Object> result = object("type", "object", "properties", properties);
    if (!required.isEmpty()) result.put("required", required.stream().distinct().toList());
    return result;
  }

  static List<BeanPropertyDefinition> properties(JavaType type) {
    return yaml.getSerializationConfig().introspect(type).findProperties();
  }

  static Map<String, Object> object(Object... entries) {
    Map<String, Object> result = new LinkedHashMap<>();
    for (int i = 0; i < entries.length; i += 2) result.put((String) entries[i], entries[i + 1]);
    return result;
  }
}
