// The vendor's errors: status, sentence and details (google.rpc.Status), as recordings and reports show them.

import { outputTokenLimit } from "./models.ts";

export interface VendorError {
  code: number;
  message: string;
  status: string;
  details?: Record<string, unknown>[];
}

/** The body of an error, its members in the vendor's order. */
export function errorBody({ code, message, status, details }: VendorError): { error: VendorError } {
  return { error: { code, message, status, details } };
}

const typePrefix = "type.googleapis.com/google.rpc.";
const service = "generativelanguage.googleapis.com";

function errorInfo(reason: string, metadata: Record<string, string> = { service }): Record<string, unknown> {
  return { "@type": `${typePrefix}ErrorInfo`, reason, domain: "googleapis.com", metadata };
}

function localized(message: string): Record<string, unknown> {
  return { "@type": `${typePrefix}LocalizedMessage`, locale: "en-US", message };
}

export function invalidArgument(message: string, violations?: { field?: string; description: string }[]): VendorError {
  const details = violations && [{ "@type": `${typePrefix}BadRequest`, fieldViolations: violations }];
  return { code: 400, status: "INVALID_ARGUMENT", message, details };
}

export function badKey(): VendorError {
  const message = "API key not valid. Please pass a valid API key.";
  return {
    code: 400,
    status: "INVALID_ARGUMENT",
    message,
    details: [errorInfo("API_KEY_INVALID"), localized(message)],
  };
}

export function badAqKey(): VendorError {
  return {
    code: 401,
    status: "UNAUTHENTICATED",
    message:
      "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid " +
      "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    details: [errorInfo("ACCESS_TOKEN_TYPE_UNSUPPORTED")],
  };
}

export function unregistered(): VendorError {
  return {
    code: 403,
    status: "PERMISSION_DENIED",
    message:
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other " +
      "form of API consumer identity to call this API.",
  };
}

export function forbidden(): VendorError {
  const message =
    "Generative Language API has not been used in project 123456789 before or it is disabled. Enable it by visiting " +
    "https://console.developers.google.com/apis/api/generativelanguage.googleapis.com/overview then retry.";
  return {
    code: 403,
    status: "PERMISSION_DENIED",
    message,
    details: [errorInfo("SERVICE_DISABLED", { service, consumer: "projects/123456789" }), localized(message)],
  };
}

export function unknownModel(model: string, version: string): VendorError {
  return {
    code: 404,
    status: "NOT_FOUND",
    message:
      `models/${model} is not found for API version ${version}, or is not supported for generateContent. ` +
      "Call ListModels to see the list of available models and their supported methods.",
  };
}

export function retiredModel(model: string): VendorError {
  return {
    code: 404,
    status: "NOT_FOUND",
    message:
      `This model models/${model} is no longer available to new users. Please update your code to use a newer model ` +
      "for the latest features and improvements.",
  };
}

export function penaltyNotEnabled(model: string): VendorError {
  return invalidArgument(`Penalty is not enabled for models/${model}`);
}

export function bothThinking(): VendorError {
  return invalidArgument("You can only set only one of thinking budget and thinking level.");
}

export function endsWithModel(): VendorError {
  return invalidArgument("Requests ending with a model turn are not supported.");
}

export function tooLong(tokens: number, limit: number): VendorError {
  return invalidArgument(`The input token count (${tokens}) exceeds the maximum number of tokens allowed (${limit}).`);
}

export function badArgument(): VendorError {
  const description =
    "* GenerateContentRequest.generation_config.max_output_tokens: max_output_tokens must be in the range " +
    `[1, ${outputTokenLimit}].`;
  return invalidArgument(`${description}\n`, [{ field: "generation_config.max_output_tokens", description }]);
}

export function wrongRegion(): VendorError {
  return { code: 400, status: "FAILED_PRECONDITION", message: "User location is not supported for the API use." };
}

/** 429 for a quota per minute or per day, with the delay where the vendor puts it: in the details, not in a header. */
export function quotaExceeded(per: "Minute" | "Day", model: string, retryDelaySeconds: number): VendorError {
  const metric = `${service}/generate_content_free_tier_requests`;
  const limit = per === "Minute" ? "10" : "250";
  return {
    code: 429,
    status: "RESOURCE_EXHAUSTED",
    message:
      "You exceeded your current quota, please check your plan and billing details. For more information on this " +
      "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. \n" +
      `* Quota exceeded for metric: ${metric}, limit: ${limit}, model: ${model}\nPlease retry in ${retryDelaySeconds}s.`,
    details: [
      {
        "@type": `${typePrefix}QuotaFailure`,
        violations: [
          {
            quotaMetric: metric,
            quotaId: `GenerateRequestsPer${per}PerProjectPerModel-FreeTier`,
            quotaDimensions: { location: "global", model },
            quotaValue: limit,
          },
        ],
      },
      {
        "@type": `${typePrefix}Help`,
        links: [
          {
            description: "Learn more about Gemini API quotas",
            url: "https://ai.google.dev/gemini-api/docs/rate-limits",
          },
        ],
      },
      { "@type": `${typePrefix}RetryInfo`, retryDelay: `${retryDelaySeconds}s` },
    ],
  };
}

export function quotaBare(): VendorError {
  return { code: 429, status: "RESOURCE_EXHAUSTED", message: "Resource has been exhausted (e.g. check quota)." };
}

export function internalError(): VendorError {
  return {
    code: 500,
    status: "INTERNAL",
    message: "An internal error has occurred. Please retry or report in the API docs.",
  };
}

export function overloaded(): VendorError {
  return { code: 503, status: "UNAVAILABLE", message: "The model is overloaded. Please try again later." };
}

export function deadlineExceeded(): VendorError {
  return {
    code: 504,
    status: "DEADLINE_EXCEEDED",
    message: "Deadline expired before operation could complete.",
  };
}
