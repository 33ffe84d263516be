// Asks through the official Go SDKs: signature V1 by the one that the aliyun CLI is made of, V3 by its successor, with the
// parameters in the query or in a form.
package main

import (
	"encoding/json"
	"errors"
	"os"
	"strings"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapimodels "github.com/alibabacloud-go/darabonba-openapi/v2/models"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

type key struct{ Id, Secret, Token string }

type ask struct {
	Name, Action string
	Params       map[string]string
	Key          key
}

type job struct {
	Endpoint, Variant string
	Asks              []ask
}

type refusal struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	Status     int    `json:"status,omitempty"`
	RequestId  string `json:"request_id,omitempty"`
	RetryAfter string `json:"retry_after,omitempty"`
}

type answer struct {
	Name  string   `json:"name"`
	Data  any      `json:"data,omitempty"`
	Error *refusal `json:"error,omitempty"`
}

func v1(job job, ask ask) (any, *refusal) {
	var credential auth.Credential = credentials.NewAccessKeyCredential(ask.Key.Id, ask.Key.Secret)
	if ask.Key.Token != "" {
		credential = credentials.NewStsTokenCredential(ask.Key.Id, ask.Key.Secret, ask.Key.Token)
	}
	client, err := sdk.NewClientWithOptions("cn-hangzhou", sdk.NewConfig(), credential)
	if err != nil {
		return nil, &refusal{Message: err.Error()}
	}
	request := requests.NewCommonRequest()
	request.Scheme, request.Method, request.Domain = "http", "POST", job.Endpoint
	request.Version, request.ApiName, request.QueryParams = "2019-02-14", ask.Action, ask.Params
	response, err := client.ProcessCommonRequest(request)
	var refused *sdkerrors.ServerError
	if errors.As(err, &refused) {
		return nil, &refusal{
			Code:       refused.ErrorCode(),
			Message:    refused.Message(),
			Status:     refused.HttpStatus(),
			RequestId:  refused.RequestId(),
			RetryAfter: strings.Join(refused.RespHeaders["X-Acs-Retry-After"], ","),
		}
	}
	if err != nil {
		return nil, &refusal{Message: err.Error()}
	}
	return json.RawMessage(response.GetHttpContentBytes()), nil
}

func v3(job job, ask ask) (any, *refusal) {
	config := &openapimodels.Config{
		AccessKeyId:     &ask.Key.Id,
		AccessKeySecret: &ask.Key.Secret,
		Endpoint:        &job.Endpoint,
		Protocol:        dara.String("HTTP"),
	}
	if ask.Key.Token != "" {
		config.SecurityToken = &ask.Key.Token
	}
	client, err := openapi.NewClient(config)
	if err != nil {
		return nil, &refusal{Message: err.Error()}
	}
	params := &openapimodels.Params{
		Action: &ask.Action, Version: dara.String("2019-02-14"), Protocol: dara.String("HTTP"),
		Pathname: dara.String("/"), Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"),
		ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
	}
	request := &openapimodels.OpenApiRequest{}
	if job.Variant == "v3-form" {
		form := map[string]any{}
		for name, value := range ask.Params {
			form[name] = value
		}
		request.Body = form
	} else {
		request.Query = map[string]*string{}
		for name, value := range ask.Params {
			request.Query[name] = dara.String(value)
		}
	}
	result, err := client.CallApi(params, request, &dara.RuntimeOptions{})
	if err == nil {
		return result["body"], nil
	}
	var refused *tea.SDKError
	if !errors.As(err, &refused) {
		return nil, &refusal{Message: err.Error()}
	}
	said := &refusal{
		Code:    dara.StringValue(refused.Code),
		Message: dara.StringValue(refused.Message),
		Status:  dara.IntValue(refused.StatusCode),
	}
	var body struct{ RequestId string }
	if json.Unmarshal([]byte(dara.StringValue(refused.Data)), &body) == nil {
		said.RequestId = body.RequestId
	}
	return nil, said
}

func main() {
	var job job
	if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
		panic(err)
	}
	by := v3
	if job.Variant == "v1" {
		by = v1
	}
	out := json.NewEncoder(os.Stdout)
	for _, ask := range job.Asks {
		data, refused := by(job, ask)
		if err := out.Encode(answer{ask.Name, data, refused}); err != nil {
			panic(err)
		}
	}
}
