// A link hands the key over behind a #, which no browser sends or logs.
const key = location.hash.slice(1);
if (key) {
  history.replaceState(null, "", location.pathname);
  document.getElementById("key").value = key;
  // Who is logged in decides: a stranger's link must not make them somebody else.
  if (!("loggedIn" in document.body.dataset)) document.forms[0].submit();
}
