/* The one place that proves a request is ours: cached pages hold no token, the cookie does. */

function token() {
  return document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/)?.[1] ?? "";
}

/** POST `body` (FormData or anything JSON can hold) to `url`; resolves to the Response, whatever its status. */
export function post(url, body, options = {}) {
  const isForm = body instanceof FormData;
  const headers = { "X-CSRFToken": token(), Accept: "application/json", ...options.headers };
  if (!isForm) headers["Content-Type"] = "application/json";
  return fetch(url, { method: "POST", credentials: "same-origin", ...options, headers, body: isForm ? body : JSON.stringify(body ?? {}) });
}

/** The header for an XMLHttpRequest that has its own progress. */
export function csrfToken() {
  return token();
}

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = token();
});

// Forms that are not boosted (payment, log-out) go without a header: give them the field they lack.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const isOurs = new URL(form.action, location.href).origin === location.origin;
  if (form.method !== "post" || !isOurs || form.elements.csrfmiddlewaretoken) return;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "csrfmiddlewaretoken";
  field.value = token();
  form.append(field);
}, true);
