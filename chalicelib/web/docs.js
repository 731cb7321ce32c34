// Draws openapi.json for people to read. Everything in it is shown as text.

const METHODS = ["get", "post", "put", "delete"];
const STATUS_WORDS = { 200: "OK", 201: "Created", 202: "Accepted", 204: "No content" };

/** An element with attributes and children; a child that is not an element is text. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) made.setAttribute(key, value);
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** Text in which `words` are code. */
function prose(text) {
  return text.split("`").map((part, number) => (number % 2 ? element("code", {}, part) : part));
}

function paragraphs(text) {
  return text.trim().split(/\n\s*\n/).map((part) => element("p", {}, prose(part)));
}

function nameOf(reference) {
  return reference.slice(reference.lastIndexOf("/") + 1);
}

/** A schema's type in a few words; models by their names. */
function typeOf(schema) {
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(", ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return `object of ${typeOf(schema.additionalProperties)}`;
  }
  return schema.type ?? "anything";
}

/** What values may be, beyond their type. */
function limitsOf(schema) {
  const words = {
    minimum: "at least", exclusiveMinimum: "above", maximum: "at most", minLength: "characters from",
    maxLength: "characters up to", minItems: "items from", maxItems: "items up to", pattern: "pattern", default: "default",
  };
  return Object.entries(words)
    .filter(([key]) => schema[key] !== undefined && schema[key] !== null)
    .map(([key, text]) => `${text} ${typeof schema[key] === "object" ? JSON.stringify(schema[key]) : schema[key]}`)
    .join(" · ");
}

/** The models that a schema names, those within models included, each once. */
function namesIn(schema, schemas, found = new Set()) {
  if (Array.isArray(schema)) schema.forEach((part) => namesIn(part, schemas, found));
  else if (schema !== null && typeof schema === "object") {
    if (typeof schema.$ref === "string" && !found.has(nameOf(schema.$ref))) {
      found.add(nameOf(schema.$ref));
      namesIn(schemas[nameOf(schema.$ref)], schemas, found);
    }
    Object.values(schema).forEach((part) => namesIn(part, schemas, found));
  }
  return found;
}

function row(name, schema, about, required) {
  const limits = limitsOf(schema);
  return [
    element("dt", required ? { class: "needed" } : {}, name),
    element("dd", {}, element("code", {}, typeOf(schema)), " ", prose(about ?? schema.description ?? ""),
      limits && element("span", { class: "about" }, ` ${limits}`)),
  ];
}

/** The fields of a model, or the words of an enumeration. */
function model(name, schemas) {
  const schema = schemas[name];
  const required = schema.required ?? [];
  const fields = Object.entries(schema.properties ?? {});
  return element("details", {},
    element("summary", {}, element("code", {}, name), element("span", { class: "about" }, prose(schema.description ?? ""))),
    element("div", { class: "inside" },
      fields.length
        ? element("dl", {}, fields.map(([key, part]) => row(key, part, undefined, required.includes(key))))
        : element("code", {}, typeOf(schema))));
}

function models(schema, schemas) {
  return [...namesIn(schema, schemas)].map((name) => model(name, schemas));
}

function parametersOf(operation) {
  if (!operation.parameters?.length) return [];
  return [
    element("h4", {}, "Parameters"),
    element("dl", {}, operation.parameters.map((one) => row(`${one.name} (${one.in})`, one.schema, one.description, one.required))),
  ];
}

function bodyOf(operation, schemas) {
  const content = operation.requestBody?.content["application/json"];
  if (!content) return [];
  const examples = Object.entries(content.examples ?? {}).flatMap(([name, example]) => [
    element("p", { class: "about" }, `Example: ${name}`),
    element("pre", {}, JSON.stringify(example.value, null, 2)),
  ]);
  return [element("h4", {}, "Body"), ...models(content.schema, schemas), ...examples];
}

function answersOf(operation, schemas) {
  return [
    element("h4", {}, "Answers"),
    ...Object.entries(operation.responses).map(([status, response]) => {
      const kinds = Object.entries(response.content ?? {});
      const parts = kinds.flatMap(([, content]) => models(content.schema, schemas));
      const types = kinds.map(([kind]) => kind).join(", ");
      const title = [element("strong", {}, status), ` ${STATUS_WORDS[status] ?? ""} `,
        element("span", { class: "about" }, prose(response.description), types && ` (${types})`)];
      return parts.length
        ? element("details", {}, element("summary", {}, title), element("div", { class: "inside" }, parts))
        : element("p", {}, title);
    }),
  ];
}

function operationOf(method, path, operation, schemas) {
  const open = operation.security?.length === 0;
  return element("details", { id: operation.operationId },
    element("summary", {},
      element("span", { class: `method ${method}` }, method.toUpperCase()), element("code", {}, path),
      element("span", { class: "about" }, prose(operation.summary ?? ""))),
    element("div", { class: "inside" },
      element("p", { class: "about" }, open ? "Needs no admin token." : "Needs the admin token."),
      parametersOf(operation), bodyOf(operation, schemas), answersOf(operation, schemas)));
}

/** The operations by their tags, in the document's order. */
function byTag(api) {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((one) => item[one])) {
      const tag = item[method].tags?.[0] ?? "Other";
      groups.set(tag, [...(groups.get(tag) ?? []), { method, path, operation: item[method] }]);
    }
  }
  return groups;
}

/** Opens the operation that the address names. */
function showTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus();
  }
}

function draw(api) {
  const main = document.getElementById("operations");
  const contents = document.getElementById("contents");
  const schemas = api.components.schemas;
  document.getElementById("title").textContent = `${api.info.title} ${api.info.version}: the HTTP API`;
  main.replaceChildren(...paragraphs(api.info.description ?? ""));
  for (const [tag, operations] of byTag(api)) {
    main.append(element("section", { "aria-label": tag }, element("h2", {}, tag),
      operations.map(({ method, path, operation }) => operationOf(method, path, operation, schemas))));
    contents.append(element("strong", {}, tag), element("ul", {}, operations.map(({ method, path, operation }) =>
      element("li", {}, element("a", { href: `#${operation.operationId}` },
        element("span", { class: `method ${method}` }, method.toUpperCase()), path)))));
  }
  addEventListener("hashchange", showTarget);
  showTarget();
}

try {
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  draw(await answer.json());
} catch (error) {
  document.getElementById("news").textContent = `The description of the API could not be loaded: ${error.message}`;
}
